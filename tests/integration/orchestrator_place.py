"""The orchestrator as a real process on real parts; business time stands and is stepped by tests.

Tests write contact-events and stage profile's progress by hand and read what comes out.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.local.ports import claim
from shared.contracts import (
    CODECS,
    Consent,
    ContactEvent,
    Definition,
    Event,
    Message,
    Profile,
    Progress,
    encode,
    topics,
)
from shared.contracts.codec import decode_plain
from shared.contracts.keys import contact_key
from shared.contracts.topics import Topic
from shared.db.migrate import migrate
from shared.db.pool import connect
from shared.kafka.partitioner import partition_of
from shared.kafka.records import SOURCE_HEADER
from shared.keys import create_key

PARTITIONS = 2
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PATIENCE = 30.0
READY = "subscribed"


def profile(version: int = 1, consent: str = READY) -> Profile:
    """Somebody with an address, and consent for cart reminders."""
    return Profile(
        version=version,
        email="somebody@example.com",
        locale="en",
        timezone="UTC",
        consent={"cart-reminders": Consent(state=consent, at=NOON)},  # type: ignore[arg-type]
    )


@dataclass
class Place:
    """`now` is business time; `settle` waits until all before it has been dealt with."""

    kafka: str
    prefix: str
    url: str
    db: asyncpg.Connection
    http: aiohttp.ClientSession
    producer: AIOKafkaProducer
    progress: AIOKafkaConsumer
    process: asyncio.subprocess.Process
    key: str
    now: datetime = NOON
    _number: int = 0
    _passed: dict[int, datetime] = field(default_factory=dict)

    # in ------------------------------------------------------------------------------------------

    async def happens(
        self,
        contact: str,
        name: str,
        properties: dict[str, Any] | None = None,
        *,
        at: datetime | None = None,
        consent: str = READY,
        source: str = "",
    ) -> ContactEvent:
        """An event of the shop, with the profile after it, as stage profile would publish it."""
        self._number += 1
        event = Event(
            message_id=f"{contact}-{self._number}",
            kind="track",
            name=name,
            at=at or self.now,
            received_at=at or self.now,
            properties=properties or {},
        )
        message = ContactEvent(
            workspace="default",
            contact=contact,
            profile=profile(self._number, consent),
            event=event,
        )
        await self.publish(topics.CONTACT_EVENTS, contact, message, source)
        return message

    async def publish(self, topic: Topic, contact: str, message: Message, source: str = "") -> None:
        key = contact_key("default", contact)
        await self.producer.send_and_wait(
            self.prefix + topic.name,
            key=key.encode(),
            value=encode(message),
            partition=partition_of(key, PARTITIONS),
            headers=[(SOURCE_HEADER, source.encode())] if source else [],
        )

    async def announce(self, definition: Definition) -> None:
        """As its owner would, past all checks."""
        topic = self.prefix + topics.DEFINITIONS.name
        key = f"default:journey:{definition.id}:{definition.version}".encode()
        await self.producer.send_and_wait(topic, key=key, value=encode(definition), partition=0)

    # time ----------------------------------------------------------------------------------------

    async def clock_to(self, at: datetime) -> None:
        """Business time, and nothing else: the stages before are as far as they were."""
        self.now = at
        await self.db.execute("UPDATE installation.clock SET origin_business = $1, speed = 0", at)

    async def settle(self, at: datetime | None = None) -> None:
        """Until the orchestrator has passed `at` (default: a second later) in every partition."""
        await self.clock_to(at or self.now + timedelta(seconds=1))
        for partition in range(PARTITIONS):
            message = Progress(workspace="", stage="profile", partition=partition, at=self.now)
            key = f"profile/{partition}".encode()
            await self.producer.send_and_wait(
                self.prefix + topics.PROGRESS.name, key=key, value=encode(message), partition=0
            )
        async with asyncio.timeout(PATIENCE):
            while {p for p, at in self._passed.items() if at >= self.now} != set(range(PARTITIONS)):
                for records in (await self.progress.getmany(timeout_ms=200)).values():
                    found = [CODECS[topics.PROGRESS.name].decode(r.value) for r in records]
                    self._passed |= {m.partition: m.at for m in found if m.stage == "orchestrator"}

    async def went_round(self) -> None:
        """Until the loop has looked for due timers again and again."""
        start = datetime.now(UTC).timestamp()
        name = "tuvi_consumer_last_progress_timestamp_seconds{"
        async with asyncio.timeout(PATIENCE):
            while True:
                async with self.http.get(f"{self.url}/metrics") as answer:
                    lines = (await answer.text()).splitlines()
                went = [float(x.split()[-1]) for x in lines if x.startswith(name)]
                if went and min(went) > start + 0.5:
                    return
                await asyncio.sleep(0.05)

    # out -----------------------------------------------------------------------------------------

    async def messages(self, topic: Topic, contact: str = "") -> list[Any]:
        """All there are, in order, of one contact or of all."""
        found: list[Any] = []
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        try:
            count = 1 if topic.single_partition else PARTITIONS
            partitions = [TopicPartition(self.prefix + topic.name, p) for p in range(count)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            while any([await consumer.position(p) < ends[p] for p in partitions]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [CODECS[topic.name].decode(record.value) for record in records]
        finally:
            await consumer.stop()
        return [m for m in found if not contact or m.contact == contact]

    async def sends(self, contact: str) -> list[str]:
        """The steps that were sent to it."""
        found = await self.messages(topics.SEND_COMMANDS, contact)
        return [m.step for m in found if type(m).__name__ == "Send"]

    async def told(self, contact: str) -> list[tuple[str, str]]:
        """Its journey-events: (kind, reason)."""
        return [(m.kind, m.reason) for m in await self.messages(topics.JOURNEY_EVENTS, contact)]

    async def call(
        self,
        method: str,
        path: str,
        body: str | bytes | None = None,
        key: str = "",
        query: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status and decoded answer."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        async with self.http.request(
            method, f"{self.url}{path}", data=body, headers=headers, params=query
        ) as answer:
            return answer.status, decode_plain(await answer.read())


@asynccontextmanager
async def running(kafka: str, database: str, prefix: str) -> AsyncIterator[Place]:
    """Migrated, with time standing at noon, and the service up and ready."""
    await migrate(database, kafka, partitions=PARTITIONS, prefix=prefix)
    db = await connect(database, "orchestrator")
    await db.execute("UPDATE installation.clock SET origin_business = $1, speed = 0", NOON)
    key = await create_key(db, "default", "write")
    port = claim("orchestrator", 0)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tuvi.cli", "serve", "orchestrator"),
        env={
            **os.environ,
            "TUVI_KAFKA": kafka,
            "TUVI_DSN": database.replace("postgres@", "tuvi_orchestrator@"),
            "TUVI_TOPIC_PREFIX": prefix,
            "TUVI_PORT": str(port),
            "TUVI_PROGRESS_INTERVAL": "0.1",
            "TUVI_SESSION_TIMEOUT": "2",
        },
    )
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    progress = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await progress.start()
    progress.assign([TopicPartition(prefix + topics.PROGRESS.name, 0)])
    await progress.seek_to_beginning()
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port}"
        place = Place(kafka, prefix, url, db, http, producer, progress, process, key)
        try:
            await _ready(place)
            yield place
        finally:
            await producer.stop()
            await progress.stop()
            if process.returncode is None:
                process.terminate()
            ended = await asyncio.wait_for(process.wait(), PATIENCE)
            await db.close()
    assert ended == 0, "told to stop, it stops cleanly"


async def _ready(place: Place) -> None:
    async with asyncio.timeout(PATIENCE):
        while place.process.returncode is None:
            try:
                async with place.http.get(f"{place.url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)
    raise RuntimeError("the orchestrator ended before it was ready")
