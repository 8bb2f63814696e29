"""Stage profile on real Kafka and PostgreSQL; the test is identity, the shop and the clock."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.segmenter.profile_stage import ProfileStage
from services.segmenter.settings import Settings
from shared.contracts import (
    CODECS,
    ContactEvent,
    DeliveryEvent,
    Event,
    IdentifiedEvent,
    Progress,
    encode,
    topics,
)
from shared.contracts.codec import Message
from shared.contracts.keys import contact_key
from shared.contracts.stages import PROFILE
from shared.contracts.topics import Topic
from shared.definitions import Announcer, Registry, save
from shared.kafka.partitioner import partition_of
from shared.runtime import Runtime

PARTITIONS = 2
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def track(name: str, message_id: str, received_at: datetime, **more: Any) -> Event:
    more = {"at": received_at, "received_at": received_at, **more}
    return Event(message_id=message_id, kind="track", name=name, **more)


def identify(message_id: str, at: datetime, **traits: Any) -> Event:
    return Event(message_id=message_id, kind="identify", at=at, received_at=at, traits=traits)


@dataclass
class Place:
    kafka: str
    dsn: str
    prefix: str
    db: asyncpg.Connection
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    async def start(self) -> None:
        settings = Settings(
            kafka=self.kafka,
            dsn=self.dsn,
            topic_prefix=self.prefix,
            progress_interval=0.05,
            session_timeout=1.5,
        )
        self.runtime = await Runtime.start(settings, "segmenter")
        self.registry = Registry(self.kafka, self.prefix)
        self.announcer = Announcer(self.runtime.pool, self.kafka, self.prefix)
        self.producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await self.producer.start()
        beside = [*self.runtime.background().values(), self.registry.run(), self.announcer.run()]
        self.tasks = [asyncio.create_task(task) for task in beside]
        await self.registry.ready.wait()
        stage = self.runtime.consume(ProfileStage(self.registry))
        self.tasks.append(asyncio.create_task(stage))

    async def stop(self) -> None:
        for task in reversed(self.tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.producer.stop()
        await self.runtime.close()

    async def segment(self, name: str, who: dict[str, Any]) -> None:
        """Publish a segment and wait until this process knows it."""
        body = {"segment": name, "who": who}
        async with self.runtime.pool.acquire() as connection:
            saved = await save(connection, workspace="default", kind="segment", id=name, body=body)
        self.announcer.wake()

        def known() -> bool:
            found = self.registry.get("default", "segment", name)
            return found is not None and found.revision >= saved.revision

        await self.until(known)

    async def say(self, contact: str, *events: Event | DeliveryEvent) -> None:
        """As identity and ingest would."""
        for event in events:
            if isinstance(event, DeliveryEvent):
                await self.put(topics.DELIVERY_EVENTS, contact, event)
            else:
                message = IdentifiedEvent(workspace="default", contact=contact, event=event)
                await self.put(topics.IDENTIFIED_EVENTS, contact, message)

    async def put(self, topic: Topic, contact: str, message: Message) -> None:
        key = contact_key("default", contact)
        await self.producer.send_and_wait(
            self.prefix + topic.name,
            key=key.encode(),
            value=encode(message),
            partition=partition_of(key, PARTITIONS),
        )

    async def clock(self, at: datetime) -> None:
        """Business time stands still at `at`."""
        await self.db.execute(
            """UPDATE installation.clock
               SET origin_wall = clock_timestamp(), origin_business = $1, speed = 0""",
            at,
        )

    async def seen_up_to(self, at: datetime) -> None:
        """Identity says that everything before `at` has left it."""
        for partition in range(PARTITIONS):
            message = Progress(workspace="", stage="identity", partition=partition, at=at)
            await self.producer.send_and_wait(
                self.prefix + topics.PROGRESS.name,
                key=f"identity/{partition}".encode(),
                value=encode(message),
                partition=0,
            )

    async def step_to(self, at: datetime) -> None:
        """Business time and identity's progress are at `at`; profile has done all until then."""
        await self.clock(at)
        await self.seen_up_to(at)
        await self.until(lambda: (self.runtime.board.lowest("profile") or NOON - DAY) >= at)

    def today(self) -> datetime:
        """A moment after all that other tests have stepped to."""
        return (self.runtime.board.lowest("profile") or NOON) + DAY

    async def walk(self) -> None:
        """Let the batches go by in which quiet contacts are answered under new definitions."""
        start = self.today()
        for i in range(4):
            await self.step_to(start + timedelta(seconds=i))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.02)

    async def idle(self) -> None:
        """Everything that was put has been taken, and what followed from it is published."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await consumer.start()
        await admin.start()
        inputs = [
            TopicPartition(self.prefix + topic.name, partition)
            for topic in PROFILE.inputs
            for partition in range(PARTITIONS)
        ]
        try:
            async with asyncio.timeout(20):
                while True:
                    ends = await consumer.end_offsets(inputs)
                    done = await admin.list_consumer_group_offsets(f"{self.prefix}tuvi-profile")
                    if all(tp in done and done[tp].offset >= e for tp, e in ends.items() if e):
                        return
                    await asyncio.sleep(0.02)
        finally:
            await admin.close()
            await consumer.stop()

    async def published(self, topic: Topic) -> list[Any]:
        """Everything on the topic, decoded, partition by partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        found: list[Any] = []
        for partition in range(PARTITIONS):
            tp = TopicPartition(self.prefix + topic.name, partition)
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            end = (await consumer.end_offsets([tp]))[tp]
            while await consumer.position(tp) < end:
                records = (await consumer.getmany(timeout_ms=200)).get(tp, [])
                found += [CODECS[topic.name].decode(record.value) for record in records]
        await consumer.stop()
        return found

    async def told_of(self, contact: str) -> list[ContactEvent]:
        """The contact's contact-events, once all is taken."""
        await self.idle()
        found = await self.published(topics.CONTACT_EVENTS)
        return [e for e in found if isinstance(e, ContactEvent) and e.contact == contact]


def changes(events: list[ContactEvent]) -> list[tuple[str, str, datetime, bool]]:
    """What the segments did."""
    found = [e.segment for e in events if e.segment is not None]
    return [(s.segment, s.change, s.at, s.backfill) for s in found]
