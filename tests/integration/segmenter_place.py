"""The real segmenter process, both stages: store-events in, answers over HTTP out."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec
from aiokafka import AIOKafkaProducer

from deploy.local.ports import claim
from shared.contracts import StoreEvent, encode, topics
from shared.contracts.codec import Message, decode_plain
from shared.contracts.keys import identity_key
from shared.db.migrate import migrate
from shared.db.pool import connect
from shared.kafka.partitioner import partition_of
from shared.keys import create_key
from tests.integration.ingest_place import TOKEN_KEYS

PARTITIONS = 2
PATIENCE = 30.0


@dataclass
class Shop:
    url: str
    kafka: str
    prefix: str
    keys: dict[str, str]
    http: aiohttp.ClientSession
    producer: AIOKafkaProducer
    number: int = 0

    async def tells(self, kind: str, user: str, **call: Any) -> str:
        """As ingest would write it; gives the message id."""
        self.number += 1
        message_id = f"{user}-{self.number}"
        event = {"type": kind, "userId": user, "messageId": message_id, **call}
        stored = StoreEvent(
            workspace="default",
            message_id=message_id,
            received_at=datetime.now(UTC),
            event=msgspec.Raw(encode(event)),
        )
        await self.put(identity_key("default", "user", user), stored)
        return message_id

    async def put(self, key: str, message: Message) -> None:
        """Onto store-events."""
        await self.producer.send_and_wait(
            self.prefix + topics.STORE_EVENTS.name,
            key=key.encode(),
            value=encode(message),
            partition=partition_of(key, PARTITIONS),
        )

    async def asks(
        self, path: str, method: str = "GET", body: str | None = None, key: str = "write", **q: str
    ) -> tuple[int, Any]:
        """Status and decoded answer."""
        headers = {"Authorization": f"Bearer {self.keys[key]}"}
        async with self.http.request(
            method, self.url + path, data=body, headers=headers, params=q
        ) as answer:
            return answer.status, decode_plain(await answer.read())

    async def contact(self, **identity: str) -> str:
        """Its id, once segmenter knows it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                _, found = await self.asks("/v1/contacts", **identity)
                if found["items"]:
                    contact: str = found["items"][0]["contact"]
                    if (await self.asks(f"/v1/contacts/{contact}"))[0] == 200:
                        return contact
                await asyncio.sleep(0.05)

    async def timeline(self, contact: str, length: int) -> list[dict[str, Any]]:
        """Once it has so many lines."""
        async with asyncio.timeout(PATIENCE):
            while True:
                _, found = await self.asks(f"/v1/contacts/{contact}/timeline")
                if len(found["items"]) >= length:
                    items: list[dict[str, Any]] = found["items"]
                    return items
                await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Shop]:
    """With keys of two workspaces, `default` and `other`."""
    await migrate(database, kafka, partitions=PARTITIONS, prefix=topic_prefix)
    db = await connect(database, "segmenter")
    await db.execute("INSERT INTO installation.workspaces VALUES ('other', 'Other')")
    keys = {
        "write": await create_key(db, "default", "write"),
        "read": await create_key(db, "default", "read"),
        "other": await create_key(db, "other", "write"),
    }
    await db.close()
    port = claim("segmenter", 0)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tuvi.cli", "serve", "segmenter"),
        env={
            **os.environ,
            "TUVI_KAFKA": kafka,
            "TUVI_DSN": database.replace("postgres@", "tuvi_segmenter@"),
            "TUVI_TOPIC_PREFIX": topic_prefix,
            "TUVI_PORT": str(port),
            "TUVI_PROGRESS_INTERVAL": "0.1",
            "TUVI_TOKEN_KEYS": ",".join(TOKEN_KEYS),
        },
    )
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    async with aiohttp.ClientSession() as http:
        here = Shop(f"http://127.0.0.1:{port}", kafka, topic_prefix, keys, http, producer)
        await _ready(here, process)
        yield here
        await producer.stop()
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def _ready(shop: Shop, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(PATIENCE):
        while process.returncode is None:
            try:
                async with shop.http.get(f"{shop.url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)
    raise RuntimeError("segmenter ended before it was ready")
