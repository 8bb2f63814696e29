"""Ingest's fetcher by hand, on real Kafka and PostgreSQL and a real BigCommerce on a port: a test
says when it takes what is due.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import asyncpg
import msgspec

from services.ingest.adapters.bigcommerce import BigCommerce
from services.ingest.adapters.fetches import Fetches
from services.ingest.adapters.publisher import Limits, Publisher
from services.ingest.adapters.refusals import Refusals
from services.ingest.domain.shops.source import Source
from services.ingest.fetching import Fetcher
from services.ingest.handlers import Door, KnowsKeys, Topics
from services.ingest.thin_webhooks import ThinWebhooks
from shared.contracts import StoreEvent
from shared.db.migrate import migrate
from shared.db.pool import create_pool
from tests.integration.bigcommerce_api import STORE, TOKEN, Api, bigcommerce, webhook
from tests.integration.ingest_place import Place
from tests.unit.ingest.shops.recorded import NOW, SETTINGS

PATIENCE = 10.0  # seconds


@dataclass
class World:
    """`sources`: by name. `door`, `fetches`, `fetcher`: what a replica is made of."""

    api: Api
    pool: asyncpg.Pool
    session: aiohttp.ClientSession
    sources: dict[str, Source]
    door: Door
    fetches: Fetches
    fetcher: Fetcher
    topics: Place

    async def told(
        self, scope: str, data: Any, number: int = 0, *, source: str = "main", store: str = STORE
    ) -> None:
        """A webhook comes and is let in."""
        door = ThinWebhooks(self.door, self.fetches)
        await door.take(self.sources[source], webhook(scope, data, number, store), NOW)

    async def has(self, scope: str, fixture: str, number: int = 0) -> None:
        """The same, and the API has what it speaks of."""
        await self.told(scope, self.api.has(fixture), number)

    async def waiting(self) -> list[asyncpg.Record]:
        return list(await self.pool.fetch("SELECT * FROM fetches ORDER BY id"))

    async def hasten(self) -> None:
        """What waits is due now."""
        await self.pool.execute("UPDATE fetches SET due_at = clock_timestamp() - interval '1 s'")

    async def events(self) -> list[dict[str, Any]]:
        kept = [m for m in await self.topics.kept() if isinstance(m, StoreEvent)]
        return [msgspec.json.decode(m.event) | {"messageId": m.message_id} for m in kept]

    async def raw(self) -> list[tuple[str, str]]:
        return [(m.topic, m.reason) for m in await self.topics.kept("raw-events")]

    def replica(
        self,
        fetches: Fetches | None = None,
        door: Door | None = None,
        patience: float = PATIENCE,
    ) -> Fetcher:
        """Another worker."""
        limit = aiohttp.ClientTimeout(total=patience)
        api = BigCommerce(self.session, self.api.url, limit)
        return Fetcher(door or self.door, fetches or self.fetches, api, self.sources.get)


@asynccontextmanager
async def world(database: str, kafka: str, prefix: str) -> AsyncIterator[World]:
    """With the source `main`; `bare` has no settings, `locked` no access token."""
    await migrate(database, kafka, partitions=2, prefix=prefix)
    sources = {
        name: Source(name, "default", "bigcommerce", settings, ("secret",), token)
        for name, settings, token in (
            ("main", SETTINGS | {"store_hash": STORE}, TOKEN),
            ("bare", {}, TOKEN),
            ("locked", SETTINGS, ""),
        )
    }
    pool = await create_pool(database.replace("postgres@", "tuvi_ingest@"), "ingest")
    async with bigcommerce() as api, aiohttp.ClientSession() as session:
        publisher = Publisher(kafka, Limits(10.0))
        publishing = asyncio.create_task(publisher.run())
        addresses = Topics(2, prefix)
        refusals = Refusals(publisher, addresses.address)
        door = Door(publisher, cast("KnowsKeys", None), addresses, lambda: NOW, refusals)
        fetches = Fetches(pool)
        client = BigCommerce(session, api.url)
        fetcher = Fetcher(door, fetches, client, sources.get)
        topics = Place("", "", "", kafka, prefix, session)
        try:
            yield World(api, pool, session, sources, door, fetches, fetcher, topics)
        finally:
            publishing.cancel()
            with suppress(asyncio.CancelledError):
                await publishing
            await pool.close()
