"""The loop on real Kafka and PostgreSQL, with a stage small enough to see through."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.contracts import CODECS, Event, IdentifiedEvent, StoreEvent, encode, topics
from shared.contracts.stages import IDENTITY
from shared.db.migrate import migrate
from shared.db.pool import connect
from shared.kafka.batch import Batch
from shared.kafka.consumer import Connections, StageConsumer
from shared.kafka.partitioner import partition_of
from shared.kafka.records import Outgoing, Work
from shared.kafka.settings import LoopSettings

PARTITIONS = 2
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@dataclass
class Counting:
    """Counts events per key in a table and passes each on."""

    spec = IDENTITY

    async def read(self, connection: asyncpg.Connection, work: Work) -> dict[str, int]:
        rows = await connection.fetch("SELECT key, n FROM counted FOR UPDATE")
        return {r["key"]: r["n"] for r in rows}

    def decide(self, state: dict[str, int], work: Work) -> list[Outgoing]:
        out = []
        for received in work.messages:
            if received.message.message_id == "poison":
                raise ValueError("cannot be counted")
            state[received.key] = state.get(received.key, 0) + 1
            event = Event(
                message_id=received.message.message_id, kind="track", at=NOON, received_at=NOON
            )
            message = IdentifiedEvent(workspace="default", contact=received.key, event=event)
            out.append(Outgoing.to_contact(topics.IDENTIFIED_EVENTS, received.key, message))
        return out

    async def write(self, connection: asyncpg.Connection, state: dict[str, int]) -> None:
        await connection.execute(
            """INSERT INTO counted SELECT * FROM unnest($1::text[], $2::int[])
               ON CONFLICT (key) DO UPDATE SET n = excluded.n""",
            list(state),
            list(state.values()),
        )


@dataclass
class Place:
    kafka: str
    dsn: str
    prefix: str
    db: asyncpg.Connection
    running: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, on_step: object = None, **settings: object) -> asyncio.Task[None]:
        consumer = StageConsumer(
            Counting(),
            Connections(self.kafka, self.dsn, "segmenter", session_timeout=6),
            LoopSettings(PARTITIONS, topic_prefix=self.prefix, progress_interval=0.1, **settings),  # type: ignore[arg-type]
        )
        if on_step is not None:
            consumer.on_step = on_step  # type: ignore[assignment]
        task = asyncio.create_task(consumer.run())
        self.running.append(task)
        return task

    async def stop(self) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        self.running.clear()

    async def produce(self, *events: tuple[str, str | bytes]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await producer.start()
        for key, what in events:
            value = what if isinstance(what, bytes) else _store_event(what)
            await producer.send(
                self.prefix + topics.STORE_EVENTS.name,
                key=key.encode(),
                value=value,
                partition=partition_of(key, PARTITIONS),
            )
        await producer.stop()

    async def published(self, topic: str) -> list[str]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        found: list[str] = []
        for partition in range(PARTITIONS):
            tp = TopicPartition(self.prefix + topic, partition)
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            end = (await consumer.end_offsets([tp]))[tp]
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(timeout_ms=200)).get(tp, []):
                    if topic == topics.IDENTIFIED_EVENTS.name:
                        found.append(CODECS[topic].decode(record.value).event.message_id)
                    else:
                        found.append((record.value or b"").decode())
        await consumer.stop()
        return found

    async def counted(self) -> dict[str, int]:
        rows = await self.db.fetch("SELECT key, n FROM segmenter.counted")
        return {r["key"]: r["n"] for r in rows}

    async def until(self, total: int) -> None:
        async with asyncio.timeout(60):
            while sum((await self.counted()).values()) < total:
                await asyncio.sleep(0.02)


def _store_event(message_id: str) -> bytes:
    return encode(
        StoreEvent(
            workspace="default", message_id=message_id, received_at=NOON, event=msgspec.Raw(b"{}")
        )
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Place]:
    await migrate(database, kafka, partitions=PARTITIONS, prefix=topic_prefix)
    dsn = database.replace("postgres@", "tuvi_segmenter@")
    db = await connect(database, "segmenter")
    await db.execute("CREATE TABLE segmenter.counted (key text PRIMARY KEY, n int NOT NULL)")
    await db.execute("GRANT ALL ON segmenter.counted TO tuvi_segmenter")
    yield Place(kafka, dsn, topic_prefix, db)
    await db.close()


@pytest_asyncio.fixture(autouse=True)
async def clean(place: Place) -> AsyncIterator[None]:
    yield
    await place.stop()
    await place.db.execute("TRUNCATE segmenter.counted")


async def test_every_event_is_counted_once_and_passed_on(place: Place) -> None:
    await place.produce(*[(f"k{i % 7}", f"a{i}") for i in range(500)])
    place.start()
    await place.until(500)
    await place.stop()
    passed = [m for m in await place.published("identified-events") if m.startswith("a")]
    assert sorted(passed) == sorted(f"a{i}" for i in range(500))


async def test_two_processes_share_and_one_takes_over(place: Place) -> None:
    first = place.start()
    await place.produce(*[(f"k{i % 7}", f"b{i}") for i in range(50)])
    await place.until(50)
    place.start()
    first.cancel()
    await place.produce(*[(f"k{i % 7}", f"c{i}") for i in range(50)])
    await place.until(100)
    assert sum((await place.counted()).values()) == 100


async def test_a_broken_message_and_a_poisonous_one_stop_nobody(place: Place) -> None:
    good = [("k1", f"d{i}") for i in range(20)]
    await place.produce(*good, ("k1", b"\xff\x00{"), ("k1", "poison"), *good)
    place.start()
    await place.until(40)
    await place.stop()
    letters = await place.published("store-events.dead-letters")
    assert any("undecodable" in letter for letter in letters)
    assert any("ValueError: cannot be counted" in letter for letter in letters)


async def test_an_unknown_type_stops_the_consumer_and_loses_nothing(place: Place) -> None:
    before = await place.db.fetchval("SELECT positions::text FROM ownership WHERE partition = 0")
    await place.produce(("k", b'{"type": "FromTheFuture", "workspace": "default"}'))
    task = place.start()
    with pytest.raises(Exception, match="FromTheFuture"):
        await asyncio.wait_for(task, 60)
    place.running.clear()
    rows = await place.db.fetch("SELECT positions::text AS p FROM ownership ORDER BY partition")
    assert before in {r["p"] for r in rows}
    # let the tests after this one go on: an operator would roll out the new version
    await place.db.execute(
        """UPDATE ownership SET positions = jsonb_build_object('store-events',
              (positions->>'store-events')::int + 1) WHERE partition = $1""",
        partition_of("k", PARTITIONS),
    )


async def test_who_lost_the_partition_gives_up_and_nothing_is_counted_twice(
    place: Place, database: str
) -> None:
    thief = await connect(database, "segmenter")
    thefts: list[asyncio.Task[str]] = []
    steps: list[tuple[str, str]] = []

    def steal(step: str, when: str, batch: Batch) -> None:
        steps.append((step, when))
        if (step, when) == ("poll", "after") and batch.work.messages and not thefts:
            statement = thief.execute("UPDATE ownership SET epoch = epoch + 1")
            thefts.append(asyncio.get_running_loop().create_task(statement))

    for i in range(2):
        await place.produce(*[("k5", f"z{i}{j}") for j in range(100)])
        if i == 0:
            place.start(steal)
        await place.until(100 * (i + 1))
    await thefts[0]
    await thief.close()
    assert await place.counted() == {"k5": 200}
    assert steps.count(("fence", "before")) > steps.count(("fence", "after"))


async def test_idle_partitions_report_progress(place: Place) -> None:
    place.start()
    async with asyncio.timeout(60):
        while True:
            found = await _progress(place)
            if {p for p, _ in found} == {0, 1} and len(found) > 4:
                break
    assert [at for p, at in found if p == 0] == sorted(at for p, at in found if p == 0)
    assert max(at for _, at in found) <= datetime.now(UTC) + timedelta(seconds=5)


async def _progress(place: Place) -> list[tuple[int, datetime]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=place.kafka, enable_auto_commit=False)
    await consumer.start()
    tp = TopicPartition(place.prefix + "progress", 0)
    consumer.assign([tp])
    await consumer.seek_to_beginning(tp)
    records = (await consumer.getmany(timeout_ms=500)).get(tp, [])
    await consumer.stop()
    decoded = [CODECS["progress"].decode(r.value) for r in records]
    return [(p.partition, p.at) for p in decoded]
