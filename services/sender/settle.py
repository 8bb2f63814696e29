"""What was left lying: leases that ended, and ambiguous messages whose grace is over."""

import asyncio
from datetime import timedelta

import asyncpg
import structlog

from services.sender import metrics
from services.sender.adapters import dispatch, queue, rows
from services.sender.adapters.feed import FeedWatch
from services.sender.claims import Claims
from services.sender.domain.message import GraceOver, Input, Key, LeaseExpired
from shared.db.pool import AWAY

log = structlog.get_logger()
MOST = 500
LONG_AGO = 1e9  # seconds; the feed was never seen


class Settling:
    """Runs in every replica; rows that another looks at are skipped."""

    def __init__(self, pool: asyncpg.Pool, claims: Claims, feed: FeedWatch, grace: float) -> None:
        self._pool, self._claims, self._feed = pool, claims, feed
        self._grace = timedelta(seconds=grace)
        self.off_because = ""  # why dispatch is switched off, as last seen

    async def run(self, every: float) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.once()
            except AWAY as error:
                log.warning("settling waits", reason=type(error).__name__)
            await asyncio.sleep(every)

    async def once(self) -> None:
        business, wall = self._claims.moment()
        # after the grace the feed must have been read to its end, or nothing is concluded
        unseen = timedelta(seconds=min(self._feed.age(), LONG_AGO))
        known = wall - unseen - self._grace
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                found = await queue.left_lying(connection, wall, MOST)
                expired: dict[Key, Input] = {key: LeaseExpired(wall) for key in found}
                await rows.change(connection, found, expired, business)
            async with connection.transaction():
                found = await queue.ambiguous(connection, known, MOST)
                over: dict[Key, Input] = {key: GraceOver() for key in found}
                await rows.change(connection, found, over, business)
            await self._count(connection)

    async def _count(self, connection: asyncpg.Connection) -> None:
        counted = await connection.fetchrow(
            """SELECT count(*) FILTER (WHERE held) AS held,
                      count(*) FILTER (WHERE NOT held) AS open
               FROM messages WHERE status = 'ambiguous'"""
        )
        metrics.AMBIGUOUS.labels("yes").set(counted["held"])
        metrics.AMBIGUOUS.labels("no").set(counted["open"])
        gate = await dispatch.gate(connection)
        metrics.ENABLED.set(gate.enabled)
        self.off_because = gate.off_because
