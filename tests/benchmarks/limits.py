"""The raw limits: what Kafka, PostgreSQL and the SES endpoint give to bare code on this machine."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import aiohttp
import asyncpg
import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.sender.adapters import signer
from services.sender.adapters.ses import PATH
from shared.contracts.topics import DEFAULT_PARTITIONS
from shared.kafka.producer import MAX_BATCH_BYTES
from tests.benchmarks.figures import Reading
from tests.benchmarks.place import Ground

BATCH = 500  # messages a batch
ROWS = 1000  # rows a statement, as many as the loop takes from Kafka
POSTS = 128  # at the same time, as the sender's setting
KEYS = signer.Keys("test", "test")
REGION = "eu-west-1"
MAIL_BYTES = 8_000

TABLE = """CREATE TABLE IF NOT EXISTS public.bench_contacts (
    workspace text, contact text, bucket smallint, version integer, email text, traits text,
    first_at timestamptz, last_at timestamptz, orders integer, merged_into text, score double
    precision, PRIMARY KEY (workspace, contact)) WITH (fillfactor = 80)"""
UPSERT = """INSERT INTO public.bench_contacts AS c
    SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::integer[], $5::text[],
        $6::text[], $7::timestamptz[], $8::timestamptz[], $9::integer[], $10::text[],
        $11::double precision[])
    ON CONFLICT (workspace, contact) DO UPDATE SET version = excluded.version,
        traits = excluded.traits, last_at = excluded.last_at, orders = excluded.orders,
        score = excluded.score"""


@dataclass
class Raw:
    """The same connections for all rounds; `close` at the end."""

    ground: Ground
    topic: str
    producer: AIOKafkaProducer
    connections: list[asyncpg.Connection]
    http: aiohttp.ClientSession

    async def send_batch(self, values: list[bytes], times: int) -> Reading:
        """All values `times` over, one batch in flight a partition, acks=all, idempotent."""
        share = len(values) // DEFAULT_PARTITIONS

        async def one(partition: int) -> None:
            mine = values[partition * share : (partition + 1) * share]
            for _ in range(times):
                for start in range(0, share, BATCH):
                    await self._batch(mine[start : start + BATCH], partition)

        return await self._timed(
            share * times * DEFAULT_PARTITIONS, *(one(p) for p in range(DEFAULT_PARTITIONS))
        )

    async def upsert(self, count: int) -> Reading:
        """`count` rows of eleven columns by unnest, a transaction each 1,000, a connection each."""
        share = max(1, count // ROWS // len(self.connections))

        async def one(number: int) -> None:
            for batch in range(share):
                await self.connections[number].execute(UPSERT, *_rows(number, batch % 2, ROWS))

        return await self._timed(
            share * ROWS * len(self.connections), *(one(n) for n in range(len(self.connections)))
        )

    async def post(self, count: int) -> Reading:
        """Signed SendEmails of 8 kB by aiohttp."""
        left = iter(range(count))

        async def one() -> None:
            for _ in left:
                await self._post()

        return await self._timed(count, *(one() for _ in range(POSTS)))

    async def chain(self, hops: int) -> float:
        """Seconds of `hops` times one message to Kafka and one row committed, then one post."""
        began = time.perf_counter()
        for hop in range(hops):
            await self._batch([b"x" * 500], hop % DEFAULT_PARTITIONS)
            await self.connections[hop % len(self.connections)].execute(UPSERT, *_rows(hop, 0, 1))
        await self._post()
        return time.perf_counter() - began

    async def _timed(self, count: int, *work: Awaitable[None]) -> Reading:
        before = time.process_time(), self.ground.cpu([])[1]
        began = time.perf_counter()
        await asyncio.gather(*work)
        seconds = time.perf_counter() - began
        mine = time.process_time() - before[0]
        servers = self.ground.cpu([])[1] - before[1]
        return Reading(count / seconds, count, mine, mine + servers)

    async def _batch(self, values: list[bytes], partition: int) -> None:
        batch = self.producer.create_batch()
        for value in values:
            batch.append(key=b"k", value=value, timestamp=None)
        await (await self.producer.send_batch(batch, self.topic, partition=partition))

    async def _post(self) -> None:
        host = self.ground.ses.partition("://")[2]
        body = _mail()
        headers = signer.sign(KEYS, REGION, host, PATH, body, datetime.now(UTC))
        async with self.http.post(self.ground.ses + PATH, data=body, headers=headers) as answer:
            text = await answer.read()
            assert answer.status == 200, text

    async def close(self) -> None:
        await self.http.close()
        await self.producer.stop()
        for connection in self.connections:
            await connection.close()


@contextlib.asynccontextmanager
async def raw(ground: Ground) -> AsyncIterator[Raw]:
    """With a topic and a table of its own."""
    topic = f"bench-raw-{uuid4().hex[:6]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=ground.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, DEFAULT_PARTITIONS, 1)])
    producer = AIOKafkaProducer(
        bootstrap_servers=ground.kafka,
        enable_idempotence=True,
        acks="all",
        max_batch_size=MAX_BATCH_BYTES,
    )
    await producer.start()
    connections = [await asyncpg.connect(ground.dsn) for _ in range(DEFAULT_PARTITIONS)]
    await connections[0].execute(TABLE)
    http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=POSTS))
    made = Raw(ground, topic, producer, connections, http)
    try:
        yield made
    finally:
        await connections[0].execute("DROP TABLE public.bench_contacts")
        await made.close()
        await admin.delete_topics([topic])
        await admin.close()


def _rows(number: int, batch: int, count: int) -> list[list[object]]:
    """Columns; the same contacts again and again, as a shop's regulars are."""
    at = datetime.now(UTC)
    names = [f"c-{number}-{batch}-{n}" for n in range(count)]
    columns: list[object] = ["default", "", number, 1, "u@shop.example", "x" * 200, at, at, 3, ""]
    made = [[value] * count for value in columns]
    made[1] = [*names]
    return [*made, [0.5] * count]


def _mail() -> bytes:
    html = "<p>" + "x" * MAIL_BYTES
    return msgspec.json.encode(
        {
            "FromEmailAddress": "bench@shop.example",
            "Destination": {"ToAddresses": ["raw@shop.example"]},
            "ConfigurationSetName": "tuvi",
            "Content": {
                "Simple": {
                    "Subject": {"Data": "Your cart"},
                    "Body": {"Html": {"Data": html}, "Text": {"Data": "x" * 800}},
                }
            },
        }
    )
