"""WooCommerce sends a delivery once: what Kafka does not take then is kept until it does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.ingest import holding, webhooks
from services.ingest.adapters import held
from services.ingest.adapters.held import HeldWebhook, HeldWebhooks
from services.ingest.domain.shops.outcome import Told
from services.ingest.domain.shops.source import Source
from services.ingest.domain.shops.table import Delivery
from services.ingest.handlers import Door, Topics
from services.ingest.holding import Holder
from shared.contracts import CODECS, ProductChanged, StoreEvent
from shared.db.pool import create_pool
from shared.errors import Problem
from tests.integration.ingest_place import place
from tests.integration.woo_place import deliver, documented, open_shop
from tests.unit.ingest.doors import AnyKey, Kept, Untold

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAME = NOW - timedelta(hours=1)
NOBODY = "127.0.0.1:1"  # no broker is there


async def test_what_came_while_kafka_was_away_is_told_once_when_it_is_back(
    database: str, kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And ingest was started anew meanwhile."""
    monkeypatch.setattr(holding, "LOOK", 0.2)
    orders = [documented("order-created", id=number) for number in range(1, 4)]
    async with place(database, NOBODY, topic_prefix, migrated=kafka, ingest_deadline=0.3) as away:
        await open_shop(away)
        for order in orders:
            assert await deliver(away, "order.created", order) == 200
        assert await deliver(away, "order.created", orders[0]) == 200
        assert await deliver(away, "product.updated", documented("product-updated")) == 200
        assert await deliver(away, "order.created", orders[0], secret="another") == 401
        came = datetime.now(UTC)

    async with place(database, kafka, topic_prefix) as back:
        async with asyncio.timeout(30):
            while await _waiting(database):
                await asyncio.sleep(0.05)
        kept = await back.kept()

    told = [m for m in kept if isinstance(m, StoreEvent)]
    completed = [m.message_id for m in told if "/order-completed/" in m.message_id]
    assert completed == [f"woocommerce/woo/order-completed/{n}" for n in (1, 2, 3)]
    ids = [m.message_id for m in told]
    assert len(ids) == len(set(ids))
    assert all(came - timedelta(seconds=30) < m.received_at < came for m in told)
    assert [m.product for m in kept if isinstance(m, ProductChanged)] == ["794"]


async def _waiting(database: str) -> int:
    connection = await asyncpg.connect(database)
    try:
        found: int = await connection.fetchval("SELECT count(*) FROM ingest.held_webhooks")
    finally:
        await connection.close()
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    """After the test above, which makes the tables."""
    made = await create_pool(database.replace("postgres@", "tuvi_ingest@"), "ingest")
    yield made
    await made.close()


def delivery(number: int, size: int = 10) -> HeldWebhook:
    source = Source("woo", "default", "woocommerce", {"currency": "EUR"})
    return HeldWebhook(source, "order.created", f"d-{number}", b"x" * size, NOW)


async def test_what_waits_is_handed_over_in_order_and_by_one_replica(pool: asyncpg.Pool) -> None:
    ours, theirs = HeldWebhooks(pool), HeldWebhooks(pool)
    sent = [delivery(n, held.TURN_BYTES // 2) for n in range(5)]
    for one in sent:
        await ours.keep(one)
    taken: list[HeldWebhook] = []

    async def take(webhook: HeldWebhook) -> bool:
        assert await theirs.hand_over(take) == 0
        taken.append(webhook)
        return len(taken) != 2  # Kafka is away again

    turns = [await ours.hand_over(take) for _ in range(4)]

    assert turns == [1, 2, 2, 0]  # no more than the bytes of a turn
    assert taken == [sent[0], sent[1], *sent[1:]]
    await ours.count()
    assert (ours.waiting, ours.bytes, ours.oldest) == (0, 0, 0)


async def test_a_fault_of_ours_holds_up_no_other_delivery(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(one: Delivery, *_: object) -> Told:
        if one.id == "d-31":
            raise KeyError(one.topic)
        return Told([], [], [], [])

    monkeypatch.setattr(webhooks, "told", broken)
    kafka, held_webhooks = Kept(), HeldWebhooks(pool)
    door = Door(kafka, AnyKey(), Topics(2), lambda: NOW, Untold())
    for number in (31, 32):
        await held_webhooks.keep(replace(delivery(number), body=b"{}", received_at=CAME))

    await Holder(door, held_webhooks).turn()

    assert held_webhooks.waiting == 0
    [message] = kafka.messages
    raw: Any = CODECS[message.topic].decode(message.value or b"")
    assert (raw.delivery, raw.reason, raw.received_at) == ("d-31", "fault: KeyError", CAME)


async def test_what_may_wait_is_bounded(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "MOST_ROWS", 2)
    monkeypatch.setattr(held, "MOST_BYTES", 1000)
    webhooks = HeldWebhooks(pool)
    await webhooks.keep(delivery(11))
    with pytest.raises(Problem, match="too much waits"):
        await webhooks.keep(delivery(12, 1000))
    await webhooks.keep(delivery(13))
    with pytest.raises(Problem, match="too much waits"):
        await webhooks.keep(delivery(14))

    await webhooks.count()
    assert (webhooks.waiting, webhooks.bytes) == (2, 20)
    assert webhooks.oldest > 0


async def test_without_kafka_and_without_postgresql_it_is_503(pool: asyncpg.Pool) -> None:
    await pool.close()

    with pytest.raises(Problem, match="Kafka and PostgreSQL are away") as refused:
        await HeldWebhooks(pool).keep(delivery(21))
    assert refused.value.status == 503
