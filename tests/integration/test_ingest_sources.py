"""Sources: made, changed and removed through the API and `tuvi sources`; secrets stay inside."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from services.ingest.adapters import sources
from services.ingest.adapters.sealing import Seal
from services.ingest.adapters.sources import Sources
from shared.db.pool import create_pool
from shared.keys import create_key
from tests.integration.ingest_place import TOKEN_KEYS, Place, place
from tests.integration.shop_place import OTHER, SECRET, api, deliver, events, make, sample
from tuvi.sources import app


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with place(database, kafka, topic_prefix) as running:
        await running.ready()
        yield running


async def test_a_secret_never_comes_out(ingest: Place) -> None:
    made = await make(
        ingest,
        "quiet",
        shop="bigcommerce",
        secret=SECRET,
        access_token="the-access-token",
        settings={"store_hash": "abc123"},
    )

    _, listed = await api(ingest, "GET", "")
    _, one = await api(ingest, "GET", "/quiet")
    assert made["webhook"].endswith("/webhooks/bigcommerce/quiet")
    assert (made["header"], made["has_access_token"]) == ("X-Tuvi-Secret", True)
    assert SECRET not in json.dumps([made, listed, one])
    assert "the-access-token" not in json.dumps([made, listed, one])


async def test_a_new_secret_is_good_at_once_and_the_one_before_for_a_while(ingest: Place) -> None:
    """Shopify signs with the old one for up to an hour."""
    await make(ingest, "turned", shop="shopify", secret=SECRET)
    await make(ingest, "turned", shop="shopify", secret=OTHER)
    await make(ingest, "turned", shop="shopify", settings={"currency": "EUR"})

    for number, secret in enumerate((SECRET, OTHER)):
        body = sample("orders-create", id=100 + number)
        answer = await deliver(ingest, "orders/create", body, to="turned", secret=secret)
        assert answer[0] == 200


async def test_a_source_that_was_removed_takes_nothing(ingest: Place) -> None:
    await make(ingest, "gone", shop="shopify", secret=SECRET)
    body = sample("orders-create", id=11)
    assert (await deliver(ingest, "orders/create", body, to="gone"))[0] == 200

    assert await api(ingest, "DELETE", "/gone") == (204, None)

    assert (await deliver(ingest, "orders/create", body, to="gone"))[0] == 404
    assert (await api(ingest, "DELETE", "/gone"))[0] == 404


async def test_a_source_that_is_none_is_refused_by_field(ingest: Place) -> None:
    good = {"shop": "shopify", "secret": SECRET}
    for name, body, field in (
        ("No", good, "source"),
        ("x", good | {"shop": "magento"}, "shop"),
        ("x", {"shop": "shopify"}, "secret"),
        ("x", good | {"secret": "short"}, "secret"),
        ("x", good | {"access_token": "two\r\nheaders: x"}, "access_token"),
        ("x", good | {"settings": {"url": "shop"}}, "settings.url"),
        ("x", good | {"settings": {"colour": "red"}}, "settings.colour"),
        ("x", good | {"shop": "bigcommerce"}, "settings.store_hash"),
        ("x", [], "body"),
    ):
        status, answer = await api(ingest, "PUT", f"/{name}", body)
        assert (status, answer["errors"][0]["field"]) == (422, field)


async def test_another_process_learns_of_a_source_within_seconds(
    ingest: Place, database: str
) -> None:
    """Here: a row that this process did not write is deleted."""
    await make(ingest, "elsewhere", shop="shopify", secret=SECRET)

    connection = await asyncpg.connect(database)
    await connection.execute("DELETE FROM ingest.sources WHERE name = 'elsewhere'")
    await connection.close()

    body = sample("orders-create", id=12)
    async with asyncio.timeout(10):
        while (await deliver(ingest, "orders/create", body, to="elsewhere"))[0] != 404:
            await asyncio.sleep(0.2)


async def test_a_source_is_its_workspaces_alone(ingest: Place, database: str) -> None:
    await make(ingest, "ours", shop="shopify", secret=SECRET)
    connection = await asyncpg.connect(database)
    await connection.execute("INSERT INTO installation.workspaces VALUES ('other', 'Other')")
    theirs = await create_key(connection, "other", "write")
    await connection.close()

    async def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        bearer = {"authorization": f"Bearer {theirs}"}
        url = f"{ingest.url}/v1/sources{path}"
        async with ingest.session.request(method, url, json=body, headers=bearer) as answer:
            return answer.status, await answer.json()

    async with asyncio.timeout(10):  # a new key is known after two seconds at most
        while (await ask("GET", ""))[0] != 200:
            await asyncio.sleep(0.1)
    assert await ask("GET", "") == (200, {"items": []})
    assert (await ask("GET", "/ours"))[0] == 404
    assert (await ask("DELETE", "/ours"))[0] == 404
    assert (await ask("PUT", "/ours", {"shop": "shopify", "secret": OTHER}))[0] == 409
    body = sample("orders-create", id=20)
    assert (await deliver(ingest, "orders/create", body, to="ours"))[0] == 200


async def test_secrets_are_encrypted_and_outlive_a_change_of_the_token_key(
    ingest: Place, database: str
) -> None:
    """The new one is put before the old one; soon the old one can be dropped."""
    await make(ingest, "sealed", shop="shopify", secret=SECRET)
    connection = await asyncpg.connect(database)
    row = await connection.fetchrow("SELECT * FROM ingest.sources WHERE name = 'sealed'")
    await connection.close()
    assert SECRET not in str(dict(row))
    assert SECRET.encode() not in row["sealed"]

    pool = await create_pool(database, "ingest")
    try:
        before = Sources(pool, TOKEN_KEYS)
        await before.load()
        for keys in (["a-new-token-key", *TOKEN_KEYS], ["a-new-token-key"], TOKEN_KEYS):
            # the last is a replica of before, which goes on with what it has opened
            turned = before if keys is TOKEN_KEYS else Sources(pool, keys)
            await turned.load()
            found = turned.find("shopify", "sealed")
            assert found is not None
            assert found.secrets == (SECRET,)
        await Sources(pool, [*TOKEN_KEYS, "a-new-token-key"]).load()
    finally:
        await pool.close()


async def test_a_source_that_cannot_be_opened_is_503_until_its_secret_is_given_anew(
    ingest: Place, database: str
) -> None:
    """A shop gives up after a 404, and sends again after a 503."""
    await make(ingest, "open", shop="shopify", secret=SECRET)
    connection = await asyncpg.connect(database)
    sealed = Seal(["a key that is gone"]).seal({"secret": SECRET})
    await connection.execute(
        """INSERT INTO ingest.sources (name, workspace, shop, settings, sealed)
           SELECT 'shut', workspace, shop, settings, $1 FROM ingest.sources WHERE name = 'open'""",
        sealed,
    )
    await connection.close()
    body = sample("orders-create", id=24)

    async with asyncio.timeout(10):  # another process made it
        while (answer := await deliver(ingest, "orders/create", body, to="shut"))[0] == 404:
            await asyncio.sleep(0.1)
    assert (answer[0], answer[1]["title"]) == (503, "Source closed")
    assert (await api(ingest, "GET", "/shut"))[1]["closed"] is True
    async with ingest.session.get(ingest.url + "/metrics") as told:
        assert "tuvi_ingest_sources_closed 1.0" in await told.text()

    assert (await make(ingest, "shut", shop="shopify", secret=OTHER))["closed"] is False
    assert (await deliver(ingest, "orders/create", body, to="shut", secret=OTHER))[0] == 200


async def test_when_a_delivery_last_came_is_shown(
    ingest: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "NOTE_SECONDS", 0.0)
    made = await make(ingest, "seen", shop="shopify", secret=SECRET)
    assert made["last_delivery_at"] is None
    await deliver(ingest, "orders/create", sample("orders-create", id=21), to="seen")

    async with asyncio.timeout(10):
        while (await api(ingest, "GET", "/seen"))[1]["last_delivery_at"] is None:
            await asyncio.sleep(0.1)


async def test_the_command_line_makes_lists_and_removes_a_source(ingest: Place) -> None:
    given = {"TUVI_URLS": f"ingest={ingest.url}", "TUVI_KEY": ingest.admin, "SHOP_SECRET": SECRET}

    async def tuvi(*arguments: str, told: str = "") -> tuple[str, str]:
        """What it prints, and its error."""
        asked = asyncio.to_thread(CliRunner().invoke, app, arguments, told, given)
        answer = await asked
        return answer.output, str(answer.exception or "")

    prefix = ("--user-id-prefix", "cli-")
    said = await tuvi("create", "shopify", "by-hand", "--secret-env", "SHOP_SECRET", *prefix)
    assert said[0].endswith("/webhooks/shopify/by-hand\n")
    body = sample("orders-create", id=22)
    assert (await deliver(ingest, "orders/create", body, to="by-hand"))[0] == 200
    users = {event.get("userId") for event in await events(ingest, "shopify/by-hand")}
    assert users == {"cli-115310627314723954"}

    await tuvi("create", "shopify", "by-hand", "--secret", "-", told=f"{OTHER}\n")
    assert (await deliver(ingest, "orders/create", body, to="by-hand", secret=OTHER))[0] == 200
    heading, *rows = (await tuvi("list"))[0].splitlines()
    assert heading.split() == ["source", "webhook", "last", "delivery", "state"]
    (row,) = [row.split() for row in rows if "shopify/by-hand " in row]
    assert row[1] == said[0].strip()
    assert row[-1] == "open"
    assert "seen by all" in (await tuvi("create", "shopify", "x", "--secret", SECRET))[1]
    wrong = await tuvi("create", "shopify", "Bad Name", "--secret-env", "SHOP_SECRET")
    assert "source: is no name" in wrong[1]
    assert (await tuvi("remove", "by-hand"))[0] == "by-hand is removed\n"
    assert (await deliver(ingest, "orders/create", body, to="by-hand", secret=OTHER))[0] == 404
