"""Ingest as it runs, in this process: a real server on a real port, real Kafka and PostgreSQL."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import uvicorn
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.ingest.main import composed
from services.ingest.settings import Settings
from shared.contracts import CODECS
from shared.db.migrate import migrate
from shared.keys import create_key
from shared.service import configured

TOKEN_KEYS = ["a-key-of-the-tests-1", "a-key-of-the-tests-0"]


@dataclass
class Place:
    """A running ingest. `key`: scope write_events; `admin`: scope write."""

    url: str
    key: str
    admin: str
    kafka: str
    prefix: str
    session: aiohttp.ClientSession

    @property
    def basic(self) -> dict[str, str]:
        """As stock SDKs send the key."""
        return {"authorization": aiohttp.encode_basic_auth(self.key)}

    async def post(self, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Status and decoded answer; with the write key unless `headers` say otherwise."""
        more.setdefault("headers", self.basic)
        how = {"data": body} if isinstance(body, bytes | str) else {"json": body}
        async with self.session.post(self.url + path, **how, **more) as answer:
            return answer.status, await answer.json(content_type=None)

    async def ready(self) -> None:
        async with asyncio.timeout(20):
            while True:
                async with self.session.get(self.url + "/readyz") as answer:
                    if answer.status == 200:
                        return
                await asyncio.sleep(0.02)

    async def kept(self, topic: str = "store-events") -> list[Any]:
        """All messages of the topic that were acknowledged by now, partition by partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        try:
            name = self.prefix + topic
            partitions = [TopicPartition(name, p) for p in (0, 1)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            found: dict[TopicPartition, list[Any]] = {p: [] for p in partitions}
            for partition in partitions:
                while await consumer.position(partition) < ends[partition]:
                    batches = await consumer.getmany(partition, timeout_ms=1000)
                    for record in batches.get(partition, []):
                        found[partition].append(CODECS[topic].decode(record.value))
            return [message for messages in found.values() for message in messages]
        finally:
            await consumer.stop()


@asynccontextmanager
async def place(
    database: str, kafka: str, prefix: str, *, migrated: str = "", **other: Any
) -> AsyncIterator[Place]:
    """`kafka` may be dead; then `migrated` is the broker that the topics are made on."""
    await migrate(database, migrated or kafka, partitions=2, prefix=prefix)
    connection = await asyncpg.connect(database)
    try:
        key = await create_key(connection, "default", "write_events")
        admin = await create_key(connection, "default", "write")
    finally:
        await connection.close()
    settings = Settings(
        dsn=database.replace("postgres@", "tuvi_ingest@"),
        kafka=kafka,
        topic_prefix=prefix,
        token_keys=TOKEN_KEYS,
        **other,
    )
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(settings))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Place(url, key, admin, kafka, prefix, session)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """The service's URL while it runs."""
    with socket.create_server(("127.0.0.1", settings.port if settings.port > 9000 else 0)) as door:
        async with composed(settings) as (app, tasks, connection):
            server = uvicorn.Server(configured(app, "127.0.0.1", 0, connection))
            running = [asyncio.create_task(task) for task in tasks.values()]
            web = asyncio.create_task(server._serve([door]))
            try:
                yield f"http://127.0.0.1:{door.getsockname()[1]}"
            finally:
                server.should_exit = True
                await web
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
