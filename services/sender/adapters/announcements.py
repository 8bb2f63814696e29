"""What dispatchers tell on delivery-events: an outbox, published in order by one of the replicas.

At least once: a repeat has the same time and so the same fingerprint.
"""

from collections.abc import Sequence

import asyncpg

from shared.contracts import DeliveryEvent, encode, topics
from shared.contracts.keys import contact_key
from shared.kafka.outbox_loop import OutboxLoop
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Addressed, OrderedProducer

MOST = 1000
LOCK = 7_882  # one drainer at a time, in all replicas


async def add(connection: asyncpg.Connection, events: Sequence[DeliveryEvent]) -> None:
    """In the transaction that makes them true."""
    if events:
        await connection.execute(
            """INSERT INTO announcements (key, value)
               SELECT * FROM unnest($1::text[], $2::bytea[])""",
            [contact_key(e.workspace, e.contact) for e in events],
            [encode(e) for e in events],
        )


class Drain:
    """Publishes and deletes; `wake` after a commit."""

    def __init__(self, pool: asyncpg.Pool, kafka: str, partitions: int, prefix: str = "") -> None:
        self._pool, self._partitions = pool, partitions
        self._topic = prefix + topics.DELIVERY_EVENTS.name
        self._producer = OrderedProducer(kafka)
        self._loop = OutboxLoop("announcements", self._full_batch)
        self.wake = self._loop.wake

    async def run(self, look_every: float = 0.5) -> None:
        """Until cancelled."""
        try:
            await self._loop.run(look_every)
        finally:
            await self._producer.close()

    async def _full_batch(self) -> bool:
        return await self.once() == MOST

    async def once(self) -> int:
        """How many were published."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
                return 0
            rows = await connection.fetch(
                "SELECT number, key, value FROM announcements ORDER BY number LIMIT $1", MOST
            )
            if rows:
                await self._producer.publish([self._addressed(r["key"], r["value"]) for r in rows])
                await connection.execute(
                    "DELETE FROM announcements WHERE number = ANY($1::bigint[])",
                    [r["number"] for r in rows],
                )
            return len(rows)

    def _addressed(self, key: str, value: bytes) -> Addressed:
        return Addressed(self._topic, partition_of(key, self._partitions), key.encode(), value, [])
