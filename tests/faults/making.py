"""Makes places: one database is migrated and given the starter files, all others are its copies."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from urllib.parse import urlsplit

import aiohttp
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.contracts import topics
from shared.db.migrate import create_topics, migrate
from shared.db.pool import connect
from shared.keys import create_key
from tests.faults.nursery import Nursery
from tests.faults.observing import PARTITIONS, Observer
from tests.faults.place import NOON, Place, until
from tests.own import own_database, own_topics
from tuvi.client import Client
from tuvi.publishing import publish_folder

STARTER = Path(__file__).parents[2] / "starter"
OWNERS = ("segmenter", "orchestrator", "sender")


@dataclass(frozen=True)
class Parts:
    """What all places of a session share. `definitions` are records of the topic."""

    kafka: str
    postgres: str
    nursery: Nursery
    template: str = ""
    key: str = ""
    definitions: tuple[tuple[bytes, bytes], ...] = ()


@asynccontextmanager
async def prepared(parts: Parts, home: Path) -> AsyncIterator[Parts]:
    """With the database that others are copied from: migrated, the starter files published."""
    async with own_database(parts.postgres) as dsn, own_topics(parts.kafka) as prefix:
        await migrate(dsn, parts.kafka, partitions=PARTITIONS, prefix=prefix)
        async with _place(parts, dsn, prefix, home) as made:
            made.key = await create_key(made.db, "default", "write")
            definitions = await _publish_starter(made)
            for owner in OWNERS:
                await made.db.execute(
                    f"UPDATE {owner}.ownership SET epoch = 0, batch = 0; DELETE FROM {owner}.outbox"
                )
            key = made.key
        name = urlsplit(dsn).path[1:]
        yield Parts(parts.kafka, parts.postgres, parts.nursery, name, key, definitions)


@asynccontextmanager
async def place(parts: Parts, home: Path) -> AsyncIterator[Place]:
    """A database, topics and an SES of its own; it is noon, and nothing runs yet."""
    async with (
        own_database(parts.postgres, parts.template) as dsn,
        own_topics(parts.kafka) as prefix,
    ):
        await create_topics(parts.kafka, PARTITIONS, prefix)
        async with _place(parts, dsn, prefix, home) as made:
            made.key = parts.key
            topic = prefix + topics.DEFINITIONS.name
            for key, value in parts.definitions:
                await made.producer.send_and_wait(topic, key=key, value=value, partition=0)
            await made.clock_to(NOON)
            yield made


@asynccontextmanager
async def _place(parts: Parts, dsn: str, prefix: str, home: Path) -> AsyncIterator[Place]:
    db = await connect(dsn, "installation")
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka, linger_ms=5)
    probe = AIOKafkaConsumer(bootstrap_servers=parts.kafka, enable_auto_commit=False)
    await producer.start()
    await probe.start()
    progress = TopicPartition(prefix + topics.PROGRESS.name, 0)
    probe.assign([progress])
    await probe.seek_to_beginning(progress)
    try:
        with ses_endpoint(home / "ses") as ses:
            async with aiohttp.ClientSession() as http:
                shared = parts.kafka, dsn, prefix, home, parts.nursery, ses
                seen = Observer(parts.kafka, prefix, db, probe)
                made = Place(*shared, db, http, producer, seen)
                try:
                    yield made
                finally:
                    await made.kill(*made.processes)
    finally:
        await producer.stop()
        await probe.stop()
        await db.close()


async def _publish_starter(made: Place) -> tuple[tuple[bytes, bytes], ...]:
    """Through the services' own APIs; gives what they announced."""
    await made.up(*OWNERS)
    urls = {name: process.url for name, process in made.processes.items()}
    client = Client("http://127.0.0.1", made.key, urls)
    for kind in ("templates", "segments", "journeys"):
        await asyncio.to_thread(publish_folder, client, kind, STARTER / kind)
    waiting = " UNION ALL ".join(
        f"SELECT 1 FROM {schema}.definitions WHERE NOT announced" for schema in urls
    )

    async def announced() -> bool:
        return not await made.db.fetch(waiting)

    await until(announced, "all definitions are announced")
    await made.kill(*urls, number=SIGTERM)
    records = await made.seen.records(topics.DEFINITIONS)
    return tuple((record.key, record.value) for record in records)


@contextmanager
def ses_endpoint(home: Path) -> Iterator[str]:
    """Takes all it is given at once and notifies nobody: the tests do."""
    command = [
        *(sys.executable, "-m", "deploy.local.ses", "--port", "0", "--home", str(home)),
        *("--rate", "100000", "--quota", "-1"),
        *("--clock-origin-business", NOON.isoformat(), "--clock-speed", "0"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()
