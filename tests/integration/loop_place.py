"""A stage small enough to see through, on real Kafka and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.contracts import CODECS, Event, IdentifiedEvent, StoreEvent, encode, topics
from shared.contracts.stages import IDENTITY
from shared.db.migrate import migrate
from shared.db.pool import connect
from shared.kafka.consumer import Connections, StageConsumer
from shared.kafka.loop import OnStep, unwatched
from shared.kafka.partitioner import partition_of
from shared.kafka.records import Outgoing, Work
from shared.kafka.settings import LoopSettings
from shared.kafka.stage import Stage

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

    def consumer(self, stage: Stage[Any] | None = None, **settings: Any) -> StageConsumer:
        return StageConsumer(
            stage or Counting(),
            Connections(self.kafka, self.dsn, "segmenter", session_timeout=6),
            LoopSettings(
                PARTITIONS, **{"topic_prefix": self.prefix, "progress_interval": 0.1, **settings}
            ),
        )

    def start(self, on_step: OnStep = unwatched) -> asyncio.Task[None]:
        consumer = self.consumer()
        consumer.on_step = on_step
        return self.run(consumer)

    def run(self, consumer: StageConsumer) -> asyncio.Task[None]:
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

    async def position(self, partition: int) -> int:
        return int(
            await self.db.fetchval(
                """SELECT positions->>'store-events' FROM ownership
                   WHERE stage = 'identity' AND partition = $1""",
                partition,
            )
        )

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


@asynccontextmanager
async def open_place(kafka: str, database: str, prefix: str) -> AsyncIterator[Place]:
    await migrate(database, kafka, partitions=PARTITIONS, prefix=prefix)
    dsn = database.replace("postgres@", "tuvi_segmenter@")
    db = await connect(database, "segmenter")
    await db.execute("CREATE TABLE segmenter.counted (key text PRIMARY KEY, n int NOT NULL)")
    await db.execute("GRANT ALL ON segmenter.counted TO tuvi_segmenter")
    yield Place(kafka, dsn, prefix, db)
    await db.close()
