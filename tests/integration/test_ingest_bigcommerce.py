"""What BigCommerce's thin webhooks speak of is fetched and told, whatever its API does."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from services.ingest.adapters import bigcommerce as client
from services.ingest.adapters.fetches import Asked, Fetch, Fetches
from services.ingest.adapters.publisher import Limits, Publisher
from services.ingest.domain.shops.source import Source
from services.ingest.fetching import AT_ONCE, Fetcher
from shared.contracts import ProductChanged
from shared.db.pool import create_pool
from shared.errors import Problem
from tests.integration.bigcommerce_api import (
    STORE,
    TOKEN,
    Fault,
    bigcommerce,
    cut,
    silence,
    status,
    text,
    webhook,
)
from tests.integration.fetching_place import World, world
from tests.integration.ingest_place import place
from tests.unit.ingest.shops.recorded import HOME, NOW

ORDER, LINES = "/v2/orders/218", "/v2/orders/218/products"
CREATED = "store/order/created"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def made(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[World]:
    async with world(database, kafka, topic_prefix) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def shop(made: World) -> World:
    """The same with nothing waiting, an API that has nothing, and a worker that has just begun."""
    await made.pool.execute("DELETE FROM fetches")
    made.api.found, made.api.faults, made.api.asked, made.api.left = {}, {}, [], 145
    return replace(made, fetcher=made.replica())


async def completed(shop: World) -> list[str]:
    """The messageIds of the orders that were told."""
    return [e["messageId"] for e in await shop.events() if e.get("event") == "Order Completed"]


@pytest.mark.parametrize(
    "name",
    [
        "order-created",
        "order-refund-created",
        "shipment-created",
        "cart-created",
        "cart-converted",
        "customer-created",
        "customer-address-updated",
        "subscriber-updated",
    ],
)
async def test_what_is_fetched_is_what_the_tables_read(shop: World, name: str) -> None:
    recorded = json.loads((HOME / f"bigcommerce/{name}.json").read_bytes())
    before = await shop.events()

    await shop.has(recorded["topic"], name)
    assert await shop.fetcher.one()

    said = json.loads((HOME / f"bigcommerce/{name}.becomes.json").read_bytes())["calls"]
    told = await shop.events()
    for event in before:
        told.remove(event)
    assert sorted(map(_plain, told)) == sorted(map(_plain, said))
    assert await shop.waiting() == []


def _plain(call: dict[str, Any]) -> str:
    """Besides the messageId, which may be by what was found and so by the webhook's hash."""
    return json.dumps(call | {"messageId": ""}, sort_keys=True)


async def test_a_product_is_told_with_its_store(shop: World) -> None:
    """Without settings the store itself says its URL and currency; that is asked once an hour."""
    for number in range(2):
        await shop.told(
            "store/sku/inventory/updated", shop.api.has("sku-inventory"), number, source="bare"
        )
        assert await shop.fetcher.one()

    kept = [m for m in await shop.topics.kept() if isinstance(m, ProductChanged)]
    facts = kept[-1].facts
    assert facts["url"] == "https://store.example.com/all/1l-le-parfait-jar/"
    assert (facts["currency"], facts["stock"]) == ("EUR", 7)
    assert shop.api.asked.count("/v2/store") == 1
    assert shop.api.asked.count("/v3/catalog/products/174") == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (status(500), "BigCommerce answers 500"),
        (status(503), "BigCommerce answers 503"),
        (status(401), "BigCommerce refuses the access token (401)"),
        (silence, "BigCommerce cannot be reached: TimeoutError"),
        (text("<html>"), "BigCommerce's answer is no JSON"),
        (status(429, X_Rate_Limit_Time_Reset_Ms="100"), "BigCommerce's quota is used up"),
    ],
    ids=["500", "503", "401", "silence", "html", "429"],
)
async def test_a_fault_is_waited_out(shop: World, fault: Fault, reason: str) -> None:
    already = len(await completed(shop))
    await shop.has(CREATED, "order-created")
    shop.api.faults = {ORDER: [fault], LINES: [fault]}
    worker = shop.replica(patience=0.3) if fault is silence else shop.replica()

    for attempts in (1, 2):
        async with asyncio.timeout(10):
            while not await worker.one():  # it may rest
                await asyncio.sleep(0.02)
        [row] = await shop.waiting()
        assert (row["reason"], row["attempts"]) == (reason, attempts)
        assert len(await completed(shop)) == already
        await shop.hasten()
    assert await shop.fetcher.one()

    assert len(await completed(shop)) == already + 1
    assert await shop.waiting() == []


async def test_a_connection_that_is_cut_is_waited_out(shop: World) -> None:
    already = len(await completed(shop))
    await shop.has(CREATED, "order-created")
    shop.api.faults = {ORDER: [cut] * 9}  # aiohttp tries once more by itself

    assert await shop.fetcher.one()
    [row] = await shop.waiting()
    assert row["reason"] == "BigCommerce cannot be reached: ServerDisconnectedError"

    shop.api.faults = {}
    await shop.hasten()
    assert await shop.fetcher.one()
    assert len(await completed(shop)) == already + 1


async def test_waits_grow(shop: World) -> None:
    await shop.has(CREATED, "order-created")
    shop.api.faults = {ORDER: [status(500) for _ in range(8)]}
    waits = []
    for _ in range(8):
        assert await shop.replica().one()
        waits.append(
            await shop.pool.fetchval(
                "SELECT extract(epoch FROM due_at - clock_timestamp()) FROM fetches"
            )
        )
        await shop.hasten()

    assert 1.5 < waits[0] < 3
    assert all(later > earlier for earlier, later in pairwise(waits))
    assert waits[-1] > 200


async def test_nobody_is_asked_while_the_quota_is_used_up(shop: World) -> None:
    await shop.has(CREATED, "order-created")
    await shop.told(CREATED, {"type": "order", "id": 218}, 1)
    await shop.told(CREATED, {"type": "order", "id": 218}, 2, source="bare")
    shop.api.left = 3

    assert await shop.fetcher.one()
    asked = len(shop.api.asked)
    assert asked == 2
    assert await shop.fetcher.one()  # the other source's, which has a quota of its own
    assert not await shop.fetcher.one()

    assert [row["source"] for row in await shop.waiting()] == ["main"]
    assert len(shop.api.asked) == 4


async def test_a_source_whose_api_fails_holds_up_no_other(shop: World) -> None:
    for number in range(9):
        await shop.told(CREATED, {"type": "order", "id": 218}, number)
    shop.api.faults = {ORDER: [status(500) for _ in range(client.TOLERATED)]}
    for _ in range(client.TOLERATED):
        assert await shop.fetcher.one()

    assert not await shop.fetcher.one()  # six are due, and nobody asks for them
    await shop.has(CREATED, "order-created")
    await shop.told(CREATED, {"type": "order", "id": 218}, 99, source="bare")
    assert await shop.fetcher.one()

    assert {row["source"] for row in await shop.waiting()} == {"main"}
    assert len(await shop.waiting()) == 9


async def test_one_worker_is_left_to_other_sources(shop: World) -> None:
    for number in range(9):
        await shop.told(CREATED, {"type": "order", "id": number}, number)
    shop.api.faults = {f"/v2/orders/{number}": [silence] for number in range(9)}
    worker = shop.replica(patience=1)
    slow = [asyncio.create_task(worker.one()) for _ in range(AT_ONCE - 1)]
    async with asyncio.timeout(10):
        while len(shop.api.asked) < AT_ONCE - 1:
            await asyncio.sleep(0.01)

    assert not await worker.one()
    await shop.told(CREATED, shop.api.has("order-created"), 99, source="bare")
    assert await worker.one()

    await asyncio.gather(*slow)
    assert "bare" not in {row["source"] for row in await shop.waiting()}


async def test_what_is_gone_is_kept_raw_and_a_product_is_deleted(shop: World) -> None:
    await shop.told(CREATED, {"type": "order", "id": 4711})
    await shop.told("store/product/updated", {"type": "product", "id": 4711})
    await shop.told("store/customer/updated", {"type": "customer", "id": 4711})
    shop.api.found["/v3/customers"] = {"data": [], "meta": {}}

    while await shop.fetcher.one():
        pass

    gone = "data: what it names is not there any more"
    assert {(CREATED, gone), ("store/customer/updated", gone)} <= set(await shop.raw())
    [product] = [
        m for m in await shop.topics.kept() if isinstance(m, ProductChanged) and m.product == "4711"
    ]
    assert product.deleted
    assert await shop.waiting() == []


@pytest.mark.parametrize(
    ("path", "fault", "reason"),
    [
        ("/v2/store", status(404), "BigCommerce has no store for it now"),
        ("/v3/catalog/products/174", text("{}"), "BigCommerce's answer has no data"),
    ],
)
async def test_a_product_is_deleted_by_its_own_404_only(
    shop: World, path: str, fault: Fault, reason: str
) -> None:
    before = len(await shop.topics.kept())
    await shop.told("store/sku/updated", shop.api.has("sku-updated"), 31, source="bare")
    shop.api.faults = {path: [fault]}

    assert await shop.fetcher.one()
    [row] = await shop.waiting()
    assert row["reason"] == reason
    assert len(await shop.topics.kept()) == before

    await shop.hasten()
    assert await shop.fetcher.one()
    products = [m for m in await shop.topics.kept() if isinstance(m, ProductChanged)]
    assert ("174", True) not in {(m.product, m.deleted) for m in products}
    assert len(await shop.topics.kept()) == before + 1


async def test_what_can_never_be_fetched_is_kept_raw_at_once(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_BYTES", 1000)
    shop.api.faults = {
        "/v2/orders/1": [status(400)],
        "/v2/orders/2": [status(302, Location="/v2/orders/218")],
        "/v2/orders/3": [text("[" + "1," * 1000 + "1]")],
    }
    for number in (1, 2, 3):
        await shop.told(CREATED, {"type": "order", "id": number}, number)
    await shop.told(CREATED, {"type": "order", "id": 218}, 4, store="another")

    while await shop.fetcher.one():
        pass

    reasons = {reason for topic, reason in await shop.raw() if topic == CREATED}
    assert {
        "BigCommerce answers 400",
        "BigCommerce answers 302",
        "the answer has more than 1000 bytes",
        "producer: is the store another, the source is abc123's",
    } <= reasons
    assert await shop.waiting() == []
    assert ORDER not in shop.api.asked


async def test_what_cannot_be_fetched_for_a_day_is_kept_raw(shop: World) -> None:
    await shop.has(CREATED, "order-created", 5)
    await shop.told(CREATED, {"type": "order", "id": 218}, 6, source="locked")
    shop.api.faults = {ORDER: [status(500), status(500)]}
    assert await shop.fetcher.one()
    assert await shop.fetcher.one()
    assert len(await shop.waiting()) == 2

    await shop.hasten()
    await shop.pool.execute("UPDATE fetches SET since = since - interval '25 hours'")
    while await shop.fetcher.one():
        pass

    reasons = {reason for _, reason in await shop.raw()}
    assert "fetch: BigCommerce answers 500" in reasons
    assert "fetch: the source has no access_token; give it one" in reasons
    assert await shop.waiting() == []


async def test_what_a_closed_source_was_told_waits_until_it_opens(shop: World) -> None:
    """However long: no token key opens its access token, and that is ours to mend."""

    def closed(_: str) -> Source | None:
        raise Problem(503, "Source closed")

    already = len(await completed(shop))
    await shop.has(CREATED, "order-created")
    await shop.pool.execute("UPDATE fetches SET since = since - interval '25 hours'")
    api = client.BigCommerce(shop.session, shop.api.url)

    assert await Fetcher(shop.door, shop.fetches, api, closed).one()
    [row] = await shop.waiting()
    assert row["reason"] == "Source closed"

    await shop.hasten()
    assert await shop.fetcher.one()
    assert len(await completed(shop)) == already + 1


class Killed(BaseException):
    """The process ends here."""


class Dying(Fetches):
    """Dies when Kafka has the events and the row is still there."""

    async def done(self, fetch: Fetch) -> None:
        raise Killed


async def test_a_process_that_dies_before_it_deletes_tells_the_same_again(shop: World) -> None:
    before = len(await completed(shop))
    await shop.has(CREATED, "order-created")

    with pytest.raises(Killed):
        await shop.replica(Dying(shop.pool)).one()
    assert len(await completed(shop)) == before + 1
    assert not await shop.fetcher.one()  # it may still be at it

    await shop.hasten()  # its lease is over
    assert await shop.fetcher.one()

    told = (await completed(shop))[before:]
    assert told == ["bigcommerce/main/order-completed/218"] * 2  # identity takes one
    assert await shop.waiting() == []


async def test_what_changed_while_the_api_was_away_is_not_from_the_future(shop: World) -> None:
    """The webhook came six hours before the order's last change."""
    data = shop.api.has("order-created")
    changed = f"{NOW - timedelta(minutes=5):%a, %d %b %Y %H:%M:%S +0000}"
    shop.api.found[ORDER] = shop.api.found[ORDER] | {"date_modified": changed}
    raw = json.dumps(webhook("store/order/updated", data, 77)).encode()
    asked = Asked("main", "store/order/updated", "77", raw, NOW - timedelta(hours=6))
    before = await shop.raw()

    await shop.fetches.keep(asked)
    assert await shop.fetcher.one()

    assert "bigcommerce/main/order-updated/218/2026-03-01T11:55:00Z/7" in {
        event["messageId"] for event in await shop.events()
    }
    assert await shop.raw() == before


async def test_a_repeat_that_waits_is_fetched_once(shop: World) -> None:
    data = shop.api.has("order-created")
    for _ in range(5):
        await shop.told(CREATED, data)

    assert len(await shop.waiting()) == 1
    assert await shop.fetcher.one()
    assert not await shop.fetcher.one()
    assert shop.api.asked == [ORDER, LINES]


async def test_a_change_while_it_is_fetched_is_fetched_too(shop: World) -> None:
    """BigCommerce gives two changes of one thing one hash."""
    data = shop.api.has("order-created")

    async def changed(request: web.Request) -> web.Response:
        await shop.told(CREATED, data)
        return await status(404)(request)

    await shop.told(CREATED, data)
    shop.api.faults = {ORDER: [changed]}
    assert await shop.fetcher.one()

    [row] = await shop.waiting()
    assert row["attempts"] == 0
    before = len(await completed(shop))
    assert await shop.fetcher.one()
    assert len(await completed(shop)) == before + 1
    assert await shop.waiting() == []


async def test_two_replicas_never_take_the_same(shop: World) -> None:
    for number in range(20):
        await shop.told(CREATED, {"type": "order", "id": number}, number)

    claims = await asyncio.gather(*(shop.fetches.claim([]) for _ in range(25)))

    rows = [claim.row for claim in claims if claim]
    assert len(rows) == len(set(rows)) == 20


async def test_while_kafka_is_away_nothing_is_deleted(shop: World) -> None:
    nowhere = Publisher("127.0.0.1:1", Limits(0.3))
    publishing = asyncio.create_task(nowhere.run())
    await shop.has(CREATED, "order-created")

    assert await shop.replica(door=replace(shop.door, publisher=nowhere)).one()

    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
    [row] = await shop.waiting()
    assert row["reason"] == "Not kept"
    await shop.hasten()
    assert await shop.fetcher.one()
    assert await shop.waiting() == []


async def test_while_postgresql_is_away_the_shop_is_asked_to_repeat(
    shop: World, database: str
) -> None:
    pool = await create_pool(database.replace("postgres@", "tuvi_ingest@"), "ingest", 1)
    await pool.close()

    with pytest.raises(Problem) as problem:
        await replace(shop, fetches=Fetches(pool)).told(CREATED, {"type": "order", "id": 1})

    assert (problem.value.status, problem.value.more["retry_after"]) == (503, 2)


async def test_what_needs_no_fetching_is_told_at_the_door(shop: World) -> None:
    await shop.told("store/product/deleted", {"type": "product", "id": 205})
    await shop.told("store/customer/deleted", {"type": "customer", "id": 32})
    await shop.told("store/order/archived", {"type": "order", "id": 250})
    await shop.told(CREATED, {"type": "order", "id": "../hooks"})

    assert await shop.waiting() == []
    deleted = [m for m in await shop.topics.kept() if isinstance(m, ProductChanged)]
    assert any(m.product == "205" and m.deleted for m in deleted)
    assert "Account Deleted" in {e.get("event") for e in await shop.events()}
    assert ("store/order/archived", "unmapped") in await shop.raw()
    assert shop.api.asked == []


async def test_a_webhook_comes_in_and_its_order_goes_to_kafka(
    database: str, kafka: str, topic_prefix: str, made: World
) -> None:
    """As it runs: the service, its worker, and BigCommerce."""
    await made.pool.execute("DELETE FROM fetches")
    async with (
        bigcommerce() as api,
        place(database, kafka, topic_prefix, bigcommerce_url=api.url) as running,
    ):
        await running.ready()
        data = api.has("order-created")
        source = {
            "shop": "bigcommerce",
            "secret": "a secret of ours",
            "access_token": TOKEN,
            "settings": {"store_hash": STORE, "url": "https://a.example.com", "currency": "EUR"},
        }
        bearer = {"authorization": f"Bearer {running.admin}"}
        async with running.session.put(
            f"{running.url}/v1/sources/served", json=source, headers=bearer
        ) as answer:
            assert answer.status == 201
        body = json.dumps(webhook(CREATED, data))
        for secret, wanted in (("another one", 401), ("a secret of ours", 200)):
            code, _ = await running.post(
                "/webhooks/bigcommerce/served", body, headers={"X-Tuvi-Secret": secret}
            )
            assert code == wanted

        async with asyncio.timeout(20):
            while "bigcommerce/served/order-completed/218" not in await completed(made):
                await asyncio.sleep(0.05)
            while await made.waiting():
                await asyncio.sleep(0.05)
        async with running.session.get(f"{running.url}/metrics") as answer:
            assert 'tuvi_ingest_fetches_total{outcome="told"}' in await answer.text()
