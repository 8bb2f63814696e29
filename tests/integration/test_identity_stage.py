"""Stage identity from Kafka to Kafka: two processes, every event comes out exactly once."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.segmenter.domain.given import Given
from services.segmenter.identity_stage import IdentityStage
from shared.contracts import ContactsMerged, IdentifiedEvent, StoreEvent, encode, topics
from shared.contracts.keys import contact_key
from shared.db.migrate import migrate
from shared.db.pool import connect
from shared.kafka.batch import Batch, collect
from shared.kafka.consumer import Connections, StageConsumer
from shared.kafka.partitioner import partition_of
from shared.kafka.records import Work
from shared.kafka.settings import LoopSettings
from tests.integration.identity_parts import call_of, key_of, stored
from tests.unit.segmenter.people import Rows, alias, device, email, event, user

PARTITIONS = 4


@dataclass
class Place:
    kafka: str
    dsn: str
    prefix: str
    db: asyncpg.Connection
    running: list[asyncio.Task[None]] = field(default_factory=list)
    produced: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    def start(self) -> asyncio.Task[None]:
        consumer = StageConsumer(
            IdentityStage(),
            Connections(self.kafka, self.dsn, "segmenter", session_timeout=1.5),
            LoopSettings(
                PARTITIONS, batch_size=25, topic_prefix=self.prefix, progress_interval=0.1
            ),
        )
        self.running.append(asyncio.create_task(consumer.run()))
        return self.running[-1]

    async def stop(self) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        self.running.clear()

    async def produce(self, events: Sequence[tuple[str, StoreEvent | bytes]]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await producer.start()
        for key, what in events:
            partition = partition_of(key, PARTITIONS)
            await producer.send(
                self.prefix + topics.STORE_EVENTS.name,
                key=key.encode(),
                value=what if isinstance(what, bytes) else encode(what),
                partition=partition,
            )
            self.produced[partition] += 1
        await producer.stop()

    async def until_taken(self) -> None:
        """All that was produced is behind the committed positions, and published."""
        async with asyncio.timeout(60):
            while True:
                rows = await self.db.fetch(
                    """SELECT (positions->>'store-events')::int AS n FROM ownership
                       WHERE stage = 'identity' ORDER BY partition"""
                )
                if [r["n"] for r in rows] == self.produced:
                    return
                await asyncio.sleep(0.05)

    async def identified(self, workspace: str) -> list[tuple[int, Any]]:
        """(partition, message) of one shop, as the next stage takes them.

        A new owner may publish a batch again that the old one had published; the source header
        tells, and the loop's own `collect` drops the second.
        """
        found: list[tuple[int, Any]] = []
        for partition in range(PARTITIONS):
            batch = Batch(Work(partition, PARTITIONS), {}, {})
            name = topics.IDENTIFIED_EVENTS.name
            collect(batch, name, await self.records(name, partition))
            found += [(partition, received.message) for received in batch.work.messages]
        return [(partition, m) for partition, m in found if m.workspace == workspace]

    async def records(self, topic: str, partition: int) -> list[Any]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        found: list[Any] = []
        tp = TopicPartition(self.prefix + topic, partition)
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            found += (await consumer.getmany(timeout_ms=200)).get(tp, [])
        await consumer.stop()
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Place]:
    await migrate(database, kafka, partitions=PARTITIONS, prefix=topic_prefix)
    db = await connect(database, "segmenter")
    where = Place(kafka, database.replace("postgres@", "tuvi_segmenter@"), topic_prefix, db)
    yield where
    await where.stop()
    await db.close()


def _lives(random_: random.Random, people: range) -> list[Given]:
    """Each browses, leaves an address, logs in, and is renamed once, in any order."""
    calls: list[Given] = []
    for n in people:
        calls += [event(device(n)), event(email(n), device(n)), event(user(n), device(n))]
        calls += [event(user(n)), event(user(n), email(n)), event(email(n))] * 2
        calls += [alias(user(f"{n}new"), user(n)), event(user(f"{n}new"), device(f"{n}b"))]
    random_.shuffle(calls)
    return calls


async def test_every_event_comes_out_once_and_every_person_is_one_contact(place: Place) -> None:
    """While a third process joins and the first goes away; each event is posted up to twice."""
    random_ = random.Random(3)
    calls = _lives(random_, range(60))
    posted = [(key_of(c), stored(f"m{i}", call_of(c))) for i, c in enumerate(calls)]
    again = [  # by another door: the identities were given in another strength
        (f"shop:anonymous:again{i}", e) for i, (_, e) in enumerate(posted) if random_.random() < 0.3
    ]
    both = posted + again
    random_.shuffle(both)
    first, _ = place.start(), place.start()
    await place.produce(both[: len(both) // 2])
    place.start()
    first.cancel()
    await place.produce(both[len(both) // 2 :])
    await place.until_taken()
    await place.stop()

    out = await place.identified("shop")
    events = [m for _, m in out if isinstance(m, IdentifiedEvent)]
    assert sorted(m.event.message_id for m in events) == sorted(f"m{i}" for i in range(len(calls)))
    for partition, message in out:
        owner = message.loser if isinstance(message, ContactsMerged) else message.contact
        assert partition == partition_of(contact_key("shop", owner), PARTITIONS)
    alone = Rows()
    alone.take(calls)
    rows = await place.db.fetch("SELECT kind, value, contact FROM aliases WHERE workspace = 'shop'")
    assert {(r["kind"], r["value"]): r["contact"] for r in rows} == {
        (i.kind, i.value): contact for i, contact in alone.contact.items()
    }
    merges = {m.loser: m.winner for _, m in out if isinstance(m, ContactsMerged)}
    for message in events:
        contact = message.contact
        while contact in merges:
            contact = merges[contact]
        assert contact in alone.contact.values()


async def test_one_partitions_events_keep_their_order_and_a_merge_comes_before(
    place: Place,
) -> None:
    visitor, login = event(device("x")), event(user("x"), device("x"))
    calls = [*[visitor] * 5, login, *[visitor] * 5]
    told = [stored(f"o{i}", call_of(c), workspace="ordered") for i, c in enumerate(calls)]
    await place.produce([("k", e) for e in told])
    place.start()
    await place.until_taken()
    await place.stop()
    before, after = (i._replace(workspace="ordered").id for i in (device("x"), user("x")))
    found: dict[str, list[str]] = {before: [], after: []}
    for _, message in await place.identified("ordered"):
        if isinstance(message, ContactsMerged):
            assert (message.loser, message.winner) == (before, after)
            found[before].append("merged")
        else:
            found[message.contact].append(message.event.message_id)
    assert found[before] == ["o0", "o1", "o2", "o3", "o4", "merged"]
    assert found[after] == ["o5", "o6", "o7", "o8", "o9", "o10"]


async def test_what_is_impossible_becomes_a_dead_letter_that_names_the_field(place: Place) -> None:
    nobody = stored("nobody", {"type": "track", "event": "Product Viewed"}, workspace="broken")
    fine = stored("fine", call_of(event(user("fine"))), workspace="broken")
    await place.produce([("k", nobody), ("k", fine), ("k", b"\xff{")])
    place.start()
    await place.until_taken()
    await place.stop()
    letters = [
        msgspec.json.decode(record.value)
        for partition in range(PARTITIONS)
        for record in await place.records("store-events.dead-letters", partition)
    ]
    reasons = {letter["reason"] for letter in letters}
    assert len(reasons) == 2
    assert any("userId, anonymousId, email" in reason for reason in reasons)
    assert [m.event.message_id for _, m in await place.identified("broken")] == ["fine"]


async def test_an_import_stays_an_import(place: Place) -> None:
    told = stored("history", call_of(event(user("old"))), workspace="history")
    await place.produce([("k", msgspec.structs.replace(told, origin="import"))])
    place.start()
    await place.until_taken()
    await place.stop()
    assert [m.event.origin for _, m in await place.identified("history")] == ["import"]
