"""Products on their whole way: store-events in; catalogue-changes and /v1/catalogue out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts import CODECS, CatalogueChanged, ProductChanged, StockChanged, topics
from shared.contracts.keys import item_key, product_key
from shared.kafka.partitioner import partition_of
from tests.integration.segmenter_place import PARTITIONS, PATIENCE, Shop, serving

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Shop]:
    async with serving(kafka, database, topic_prefix) as here:
        yield here


async def says(shop: Shop, product: str, by: str, minute: int, **more: Any) -> None:
    at, workspace = NOON + minute * MINUTE, more.pop("workspace", "default")
    stated = {"workspace": workspace, "product": product, "message_id": by, **more}
    await shop.put(product_key(workspace, product), ProductChanged(at=at, received_at=at, **stated))


async def counts(shop: Shop, item: str, by: str, minute: int, stock: int) -> None:
    at = NOON + minute * MINUTE
    level: dict[str, Any] = {"workspace": "default", "item": item, "message_id": by}
    said = StockChanged(at=at, received_at=at, stock=stock, **level)
    await shop.put(item_key("default", item), said)


async def sees(
    shop: Shop, product: str, holds: Callable[[dict[str, Any]], bool], key: str = "read"
) -> dict[str, Any]:
    """The product, once it is so."""
    async with asyncio.timeout(PATIENCE):
        while True:
            status, found = await shop.asks(f"/v1/catalogue/{product}", key=key)
            if status == 200 and holds(found):
                known: dict[str, Any] = found
                return known
            await asyncio.sleep(0.02)


async def announced(shop: Shop, product: str, version: int) -> list[CatalogueChanged]:
    """What catalogue-changes says of it, up to this version, on its own partition."""
    key = product_key("default", product)
    home = partition_of(key, PARTITIONS)
    consumer = AIOKafkaConsumer(bootstrap_servers=shop.kafka, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([TopicPartition(shop.prefix + topics.CATALOGUE_CHANGES.name, home)])
    await consumer.seek_to_beginning()
    found: list[CatalogueChanged] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while not found or found[-1].version < version:
                record = await consumer.getone()
                if record.key == key.encode():
                    found.append(CODECS[topics.CATALOGUE_CHANGES.name].decode(record.value))
    finally:
        await consumer.stop()
    return found


def elsewhere(product: str) -> str:
    """An inventory item on another partition than the product."""
    home = partition_of(product_key("default", product), PARTITIONS)
    names = (f"i{n}" for n in range(100))
    return next(n for n in names if partition_of(item_key("default", n), PARTITIONS) != home)


async def test_a_product_is_announced_whole_and_can_be_looked_at(shop: Shop) -> None:
    boots = {"name": "Boots", "price": Decimal("89.90"), "currency": "EUR", "tags": ["winter"]}
    await says(shop, "boots", "b1", 1, facts=boots)
    await says(shop, "boots", "b2", 2, facts={"price": Decimal(79)})
    await says(shop, "boots", "b1", 3, facts={"name": "not heard: b1 was taken before"})
    await says(shop, "boots", "b3", 1, facts={"price": 100, "brand": "Tamm"})  # came late
    found = await sees(shop, "boots", lambda p: p["version"] == 3)
    whole = {**boots, "price": 79, "brand": "Tamm"}
    assert (found["facts"], found["deleted"]) == (whole, False)
    told = await announced(shop, "boots", 3)
    assert [(c.version, c.facts["price"]) for c in told] == [
        (1, Decimal("89.90")),
        (2, 79),
        (3, 79),
    ]
    assert told[-1].facts == whole


async def test_a_deleted_product_is_said_to_be_so_and_may_come_back(shop: Shop) -> None:
    await says(shop, "hat", "h1", 1, facts={"name": "Hat", "price": 10})
    await says(shop, "hat", "h2", 2, deleted=True)
    gone = await sees(shop, "hat", lambda p: p["deleted"] is True)
    assert gone["facts"] == {}
    _, listed = await shop.asks("/v1/catalogue", limit="1000")
    assert "hat" not in {item["product"] for item in listed["items"]}
    await says(shop, "hat", "h3", 3, facts={"name": "Hat again"})
    back = await sees(shop, "hat", lambda p: not p["deleted"])
    assert back["facts"] == {"name": "Hat again"}
    told = await announced(shop, "hat", 3)
    assert [(c.version, c.deleted, c.facts.get("price")) for c in told] == [
        (1, False, 10),
        (2, True, None),
        (3, False, None),
    ]


async def test_a_level_of_stock_finds_its_product_on_another_partition(shop: Shop) -> None:
    item = elsewhere("mug")
    await counts(shop, item, "s1", 5, 12)  # before anybody knows whose item it is
    variants = {"1": {"sku": "MUG", "stock": 3, "inventory_item": item}}
    await says(shop, "mug", "m1", 1, facts={"name": "Mug", "variants": variants})
    await sees(shop, "mug", lambda p: p["facts"].get("stock") == 12)
    await counts(shop, item, "s2", 6, 11)
    found = await sees(shop, "mug", lambda p: p["facts"].get("stock") == 11)
    assert found["facts"]["variants"]["1"]["stock"] == 11
    assert (await announced(shop, "mug", found["version"]))[-1].facts["stock"] == 11


async def test_the_catalogue_is_listed_page_by_page(shop: Shop) -> None:
    for number in range(5):
        await says(shop, f"z{number}", f"z{number}", 1, facts={"name": f"Z{number}"})
    for number in range(5):
        await sees(shop, f"z{number}", lambda p: p["version"] == 1)
    seen: list[str] = []
    after: str | None = "z"
    while after:
        _, page = await shop.asks("/v1/catalogue", key="read", after=after, limit="2")
        seen += [item["product"] for item in page["items"]]
        after = page["next"]
    assert seen == [f"z{number}" for number in range(5)]


async def test_a_workspace_sees_its_own_catalogue_alone(shop: Shop) -> None:
    await says(shop, "cup", "c1", 1, facts={"name": "Ours"})
    await says(shop, "cup", "c1", 1, facts={"name": "Theirs"}, workspace="other")
    ours = await sees(shop, "cup", lambda p: p["version"] == 1)
    theirs = await sees(shop, "cup", lambda p: p["version"] == 1, key="other")
    assert (ours["facts"]["name"], theirs["facts"]["name"]) == ("Ours", "Theirs")
    await says(shop, "ours-only", "o1", 1, facts={"name": "Ours"})
    await sees(shop, "ours-only", lambda p: p["version"] == 1)
    assert (await shop.asks("/v1/catalogue/ours-only", key="other"))[0] == 404
    _, listed = await shop.asks("/v1/catalogue", key="other")
    assert [item["product"] for item in listed["items"]] == ["cup"]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/v1/catalogue/nothing-was-said", {}, 404),
        ("/v1/catalogue/%00", {}, 422),
        ("/v1/catalogue", {"after": "\x00"}, 422),
        ("/v1/catalogue", {"limit": "0"}, 422),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    shop: Shop, path: str, query: dict[str, str], status: int
) -> None:
    assert (await shop.asks(path, **query))[0] == status
