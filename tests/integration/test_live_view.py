"""The live view: the last events of a workspace, accepted and refused, and those that follow."""

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from shared.keys import create_key
from tests.integration.ingest_place import Place, place

PATIENCE = 20.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with place(database, kafka, topic_prefix) as running:
        await running.ready()
        yield running


async def key_of(database: str, workspace: str, scope: Any) -> str:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "INSERT INTO installation.workspaces VALUES ($1, $1) ON CONFLICT DO NOTHING", workspace
        )
        return await create_key(connection, workspace, scope)
    finally:
        await connection.close()


async def look(ingest: Place, key: str = "", **query: str) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {key or ingest.admin}"}
    async with ingest.session.get(
        ingest.url + "/v1/events", params=query, headers=headers
    ) as answer:
        return answer.status, await answer.json()


async def shown(ingest: Place, count: int, **query: str) -> list[dict[str, Any]]:
    """Once there are so many: a refusal is told beside the answer, not before it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            status, page = await look(ingest, **query)
            assert status == 200, page
            if len(page["items"]) >= count:
                items: list[dict[str, Any]] = page["items"]
                return items
            await asyncio.sleep(0.05)


def added(user: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Added",
        "userId": user,
        "messageId": f"{user}-{number}",
    } | more


async def test_an_accepted_event_is_shown_with_its_door_and_whom_it_names(ingest: Place) -> None:
    call = added("shown", 1, anonymousId="a-1", properties={"email": "ann@example.com"})
    await ingest.post("/v1/track", call)

    [item] = await shown(ingest, 1, user_id="shown")

    assert item["received_at"]
    del item["received_at"]
    assert item == {
        "outcome": "accepted",
        "via": ingest.key[:14],
        "message_id": "shown-1",
        "type": "track",
        "name": "Product Added",
        "user_id": "shown",
        "anonymous_id": "a-1",
        "email": "ann@example.com",
        "origin": "live",
        "route": "",
        "field": "",
        "message": "",
        "warnings": [],
    }


async def test_a_refused_event_is_shown_with_field_and_fix_and_without_contents(
    ingest: Place,
) -> None:
    order = {
        "type": "track",
        "event": "Order Completed",
        "userId": "secret-user",
        "messageId": "refused-1",
        "properties": {"order_id": "o-1", "total": 5},
    }
    await ingest.post("/v1/batch", {"batch": [added("beside", 1), order]})

    [item] = await shown(ingest, 1, outcome="refused", message_id="refused-1")

    assert (item["type"], item["name"], item["route"]) == ("track", "Order Completed", "/v1/batch")
    assert item["field"] == "properties.currency"
    assert item["message"].startswith("is missing")
    assert item["via"] == ingest.key[:14]
    [kept] = [r for r in await ingest.kept("refused-events") if r.message_id == "refused-1"]
    assert "secret-user" not in str(kept)


async def test_what_will_not_work_of_an_accepted_event_is_shown_with_it(ingest: Place) -> None:
    await ingest.post("/v1/track", added("doubtful", 1, properties={"email": "Ann"}))

    [item] = await shown(ingest, 1, user_id="doubtful")

    [warning] = item["warnings"]
    assert warning["field"] == "properties.email"
    assert warning["message"].startswith("is no address")


async def test_a_body_that_cannot_be_read_is_one_entry(ingest: Place) -> None:
    status, _ = await ingest.post("/v1/batch", b"{not json")
    assert status == 400

    async with asyncio.timeout(PATIENCE):
        while True:
            items = await shown(ingest, 1, outcome="refused")
            bodies = [i for i in items if i["field"] == "body"]
            if bodies:
                break
    assert len(bodies) == 1
    assert bodies[0]["message"].startswith("is no JSON")


async def test_the_newest_are_first_and_of_a_batch_the_last(ingest: Place) -> None:
    for first in (0, 3):
        batch = [added("order", first + n, event="Ordered") for n in range(3)]
        await ingest.post("/v1/batch", {"batch": batch})

    items = await shown(ingest, 4, name="Ordered", limit="4")

    assert [i["message_id"] for i in items] == ["order-5", "order-4", "order-3", "order-2"]


async def test_a_follower_gets_each_event_once(ingest: Place) -> None:
    _, page = await look(ingest)
    cursor = page["next"]
    got: list[str] = []
    for number in range(4):
        batch = [added(f"f-{user}", number, event="Followed") for user in range(5)]
        await ingest.post("/v1/batch", {"batch": [*batch, added("f", number, event="")]})

    async with asyncio.timeout(PATIENCE):
        while len(got) < 24:
            status, page = await look(ingest, after=cursor, limit="7")
            assert (status, page["skipped"]) == (200, 0)
            cursor = page["next"]
            got += [item["message_id"] for item in reversed(page["items"])]
    _, page = await look(ingest, after=cursor)

    users = {f"f-{user}-{n}" for user in range(5) for n in range(4)}
    assert sorted(got) == sorted(users | {f"f-{n}" for n in range(4)})
    assert (page["items"], page["more"]) == ([], False)


async def test_another_workspace_is_not_seen(ingest: Place, database: str) -> None:
    theirs, reader = [await key_of(database, "theirs", s) for s in ("write_events", "read")]
    async with asyncio.timeout(PATIENCE):
        while True:  # a new key is known within seconds
            headers = {"authorization": f"Bearer {theirs}"}
            call = added("them", 1, event="Theirs")
            status, _ = await ingest.post("/v1/track", call, headers=headers)
            if status == 200:
                break
    await ingest.post("/v1/track", added("us", 1, event="Ours"))
    bad = added("them", 2, event="")
    await ingest.post("/v1/track", bad, headers={"authorization": f"Bearer {theirs}"})

    async with asyncio.timeout(PATIENCE):
        while True:
            _, page = await look(ingest, reader, limit="200")
            if len(page["items"]) == 2:
                break

    assert {(i["outcome"], i["message_id"]) for i in page["items"]} == {
        ("accepted", "them-1"),
        ("refused", "them-2"),
    }
    assert all(i["message_id"] != "them-1" for i in await shown(ingest, 1, limit="200"))
    _, ours = await look(ingest, after=page["next"])
    assert ours["items"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"after": "yesterday"}, 422),
        ({"after": "a1r1"}, 422),
        ({"after": "a9999.9999r9999.9999"}, 200),
        ({"limit": "0"}, 422),
        ({"limit": "201"}, 422),
        ({"outcome": "lost"}, 422),
    ],
)
async def test_what_cannot_be_asked_is_said(
    ingest: Place, query: dict[str, str], status: int
) -> None:
    assert (await look(ingest, **query))[0] == status


async def test_only_a_key_that_may_read_looks(ingest: Place) -> None:
    assert (await look(ingest, ingest.key))[0] == 403
    assert (await look(ingest, "tuvi_rk_unknown"))[0] == 401


async def test_too_many_who_look_at_once_are_told_to_wait(ingest: Place) -> None:
    answers = await asyncio.gather(*(look(ingest) for _ in range(12)))

    codes = {status for status, _ in answers}
    assert codes == {200, 429}


async def test_a_request_that_is_refused_as_a_whole_is_shown_if_its_key_is_known(
    ingest: Place, database: str
) -> None:
    reader = await key_of(database, "whole", "read")
    browser = await key_of(database, "whole", "browser")
    async with asyncio.timeout(PATIENCE):  # new keys are known within seconds
        while (await look(ingest, reader))[0] != 200:
            await asyncio.sleep(0.1)
    bearer = {"authorization": f"Bearer {reader}"}
    page = {"authorization": f"Bearer {browser}", "origin": "https://elsewhere.example"}
    gzip = {**page, "content-encoding": "gzip"}
    unknown = {"authorization": "Bearer tuvi_wk_of-nobody"}

    answers = [
        await ingest.post("/v1/track", added("w", 1), headers=bearer),
        await ingest.post("/v1/track", added("w", 2), headers=page),
        await ingest.post("/v1/track", added("w", 3), headers=gzip),
        await ingest.post("/v1/batch", b"x" * 600_000, headers=bearer),
        await ingest.post("/v1/track", added("w", 4), headers=unknown),
    ]

    assert [status for status, _ in answers] == [403, 403, 400, 413, 401]
    async with asyncio.timeout(PATIENCE):
        while len(items := (await look(ingest, reader))[1]["items"]) < 4:
            await asyncio.sleep(0.05)
    assert {(i["via"], i["field"], i["message"][:4]) for i in items} == {
        (reader[:14], "request", "403 "),
        (browser[:14], "request", "403 "),
        (browser[:14], "request", "400 "),
        (reader[:14], "request", "413 "),
    }


async def test_a_webhook_that_is_not_signed_or_means_nothing_is_shown_with_its_source(
    ingest: Place,
) -> None:
    source = {"shop": "shopify", "secret": "of the app"}
    admin = {"authorization": f"Bearer {ingest.admin}"}
    async with ingest.session.put(
        f"{ingest.url}/v1/sources/live", json=source, headers=admin
    ) as answer:
        assert answer.status == 201, await answer.text()
    body = b'{"id": 1, "email": "ann@example.com"}'
    signature = base64.b64encode(hmac.digest(b"of the app", body, "sha256")).decode()
    headers = {"X-Shopify-Topic": "themes/create", "X-Shopify-Hmac-Sha256": signature}

    good, _ = await ingest.post("/webhooks/shopify/live", body, headers=headers)
    bad, _ = await ingest.post("/webhooks/shopify/live", body + b" ", headers=headers)

    assert (good, bad) == (200, 401)
    items = await shown(ingest, 2, via="shopify/live")
    assert {(i["type"], i["name"], i["field"], i["message"]) for i in items} == {
        ("webhook", "themes/create", "topic", "unmapped; it is kept as a raw event"),
        ("", "", "signature", "is not by the source's secret"),
    }
    assert {i["route"] for i in items} == {"/webhooks/shopify"}
