"""Metrics as a real process on real parts: events by hand in, reports and a scrape out."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.ports import claim
from shared.contracts import (
    ContactEvent,
    ContactsMerged,
    Definition,
    JourneyEvent,
    encode,
    topics,
)
from shared.contracts.keys import contact_key
from shared.contracts.topics import Topic
from shared.db.migrate import migrate
from shared.db.pool import connect
from shared.kafka.partitioner import partition_of
from shared.kafka.records import SOURCE_HEADER
from shared.keys import create_key

PARTITIONS = 2
PATIENCE = 60.0  # of a busy machine
Told = ContactEvent | ContactsMerged | JourneyEvent


@dataclass
class Place:
    """`tell` publishes, `caught_up` waits until all that was told is in the tables."""

    kafka: str
    dsn: str
    prefix: str
    db: asyncpg.Connection
    http: aiohttp.ClientSession
    producer: AIOKafkaProducer
    key: str
    port: int
    their_key: str
    process: asyncio.subprocess.Process | None = None
    lineage: int = 1  # of the databases of those who tell
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # in ------------------------------------------------------------------------------------------

    async def tell(self, *messages: Told, repeat: bool = False) -> None:
        """As the owners publish: each with its source header, numbered by stage and partition."""
        for message in messages:
            loser = isinstance(message, ContactsMerged)
            contact = message.loser if isinstance(message, ContactsMerged) else message.contact
            journey = isinstance(message, JourneyEvent)
            topic = topics.JOURNEY_EVENTS if journey else topics.CONTACT_EVENTS
            stage = "orchestrator" if journey else "profile"
            key = contact_key(message.workspace, contact)
            partition = partition_of(key, PARTITIONS)
            name = f"{stage}/{partition}/{self.lineage}"
            if not repeat:
                self.numbers[name] = self.numbers.get(name, 0) + 1
            number = self.numbers[name]
            header = f"{name}/{number}/{int(loser)}".encode()
            await self.publish(topic, key, encode(message), [(SOURCE_HEADER, header)])

    async def publish(
        self, topic: Topic, key: str, value: bytes, headers: list[tuple[str, bytes]]
    ) -> None:
        partition = 0 if topic.single_partition else partition_of(key, PARTITIONS)
        sent = await self.producer.send_and_wait(
            self.prefix + topic.name,
            key=key.encode(),
            value=value,
            partition=partition,
            headers=headers,
        )
        self.ends[topic.name, partition] = sent.offset + 1

    async def define(self, definition: Definition) -> None:
        key = f"{definition.workspace}:{definition.kind}:{definition.id}:{definition.version}"
        await self.publish(topics.DEFINITIONS, key, encode(definition), [])
        async with asyncio.timeout(PATIENCE):  # until it is known, exporter included
            while f'journey="{definition.id}"' not in "".join(await self.scrape()):
                await asyncio.sleep(0.05)

    async def caught_up(self) -> None:
        """All that was told is committed, and the exporter has looked since."""
        ends = {k: v for k, v in self.ends.items() if k[0] != topics.DEFINITIONS.name}
        async with asyncio.timeout(PATIENCE):
            while any([await self._position(*k) < v for k, v in ends.items()]):
                await asyncio.sleep(0.02)
            at = await self.refreshed_at()
            while await self.refreshed_at() <= at:
                await asyncio.sleep(0.02)

    async def _position(self, topic: str, partition: int) -> int:
        found: int = await self.db.fetchval(
            """SELECT (positions ->> $1)::bigint FROM ownership
               WHERE stage = 'statistics' AND partition = $2""",
            topic,
            partition,
        )
        return found

    # out -----------------------------------------------------------------------------------------

    async def get(self, path: str, key: str = "", **more: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key or self.key}", **more.pop("headers", {})}
        async with self.http.get(f"{self.url}{path}", headers=headers, **more) as answer:
            text = await answer.text()
            is_json = "json" in answer.headers["Content-Type"]
            return answer.status, json.loads(text) if is_json else text

    async def journey(self, name: str) -> dict[str, Any]:
        status, found = await self.get(f"/v1/reports/journeys/{name}")
        assert status == 200, found
        return dict(found)

    async def scrape(self) -> dict[str, float]:
        """Samples by `name{label="value",…}`, labels in order of name."""
        async with self.http.get(f"{self.url}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
        return {
            sample_name(sample.name, sample.labels): sample.value
            for family in families
            for sample in family.samples
        }

    async def refreshed_at(self) -> float:
        return (await self.scrape()).get("tuvi_report_refresh_timestamp_seconds{}", 0.0)

    async def topic(self, topic: Topic) -> list[dict[str, Any]]:
        """All values as plain JSON, for a recount that shares no code."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        found = []
        try:
            partitions = [TopicPartition(self.prefix + topic.name, p) for p in range(PARTITIONS)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            while any([await consumer.position(p) < ends[p] for p in partitions]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [json.loads(record.value) for record in records]
        finally:
            await consumer.stop()
        return found

    async def dead_letters(self) -> int:
        """How many there are."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        try:
            names = [t.dead_letter_name for t in (topics.CONTACT_EVENTS, topics.JOURNEY_EVENTS)]
            partitions = [
                TopicPartition(self.prefix + name, p) for name in names for p in range(PARTITIONS)
            ]
            return sum((await consumer.end_offsets(partitions)).values())
        finally:
            await consumer.stop()

    # the process ---------------------------------------------------------------------------------

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tuvi.cli", "serve", "metrics"),
            env={
                **os.environ,
                "TUVI_KAFKA": self.kafka,
                "TUVI_DSN": self.dsn,
                "TUVI_TOPIC_PREFIX": self.prefix,
                "TUVI_PORT": str(self.port),
                "TUVI_PROGRESS_INTERVAL": "0.1",
                "TUVI_SESSION_TIMEOUT": "2",
                "TUVI_EXPORTER_REFRESH": "0.1",
            },
        )
        async with asyncio.timeout(PATIENCE):
            while self.process.returncode is None:
                try:
                    if (await self.get("/readyz"))[0] == 200:
                        return
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.05)
        raise RuntimeError("metrics ended before it was ready")

    async def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing said goodbye."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            assert await asyncio.wait_for(self.process.wait(), PATIENCE) == 0


def sample_name(name: str, labels: dict[str, str]) -> str:
    return name + "{" + ",".join(f'{k}="{v}"' for k, v in sorted(labels.items())) + "}"


@asynccontextmanager
async def running(kafka: str, database: str, prefix: str) -> AsyncIterator[Place]:
    """Migrated, and the service up and ready."""
    await migrate(database, kafka, partitions=PARTITIONS, prefix=prefix)
    db = await connect(database, "metrics")
    await db.execute(
        "INSERT INTO installation.workspaces (workspace, name) VALUES ('other', 'Other')"
    )
    keys = [await create_key(db, workspace, "read") for workspace in ("default", "other")]
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    async with aiohttp.ClientSession() as http:
        dsn = database.replace("postgres@", "tuvi_metrics@")
        port = claim("metrics", 0)
        place = Place(kafka, dsn, prefix, db, http, producer, keys[0], port, keys[1])
        try:
            await place.start()
            yield place
            await place.stop()
        finally:
            await place.kill()
            await producer.stop()
            await db.close()
