"""Ambiguous messages of which SES's feed, read to its end, says nothing: they were not sent."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import structlog

from services.sender import metrics
from services.sender.adapters import marks, rows
from services.sender.claims import Claims
from services.sender.domain.message import Input, Key, Unheard
from services.sender.domain.unheard import Mark, certainly_unsent, read_until
from shared.db.pool import AWAY

log = structlog.get_logger()
MOST = 500


class Concluding:
    """Runs in every replica; rows that another looks at are skipped. `grace`: seconds."""

    def __init__(self, pool: asyncpg.Pool, claims: Claims, partitions: int, grace: float) -> None:
        self._pool, self._claims, self._partitions = pool, claims, partitions
        self._grace = timedelta(seconds=grace)
        self._heeded: dict[int, Mark] = {}  # concluded from these

    async def run(self, every: float) -> None:
        """Until cancelled. Without marks (notifications by HTTPS) it concludes nothing."""
        while True:
            try:
                await self.once()
            except AWAY as error:
                log.warning("concluding waits", reason=type(error).__name__)
            await asyncio.sleep(every)

    async def once(self) -> None:
        """All that the newest marks tell of; nothing if they are no newer than last time."""
        known = await marks.read(self._pool)
        until = read_until(known, self._partitions)
        if until is None or known == self._heeded:
            return
        after: Key | None = ("", "")
        while after is not None:
            after = await self._some(after, until)
        self._heeded = known

    async def _some(self, after: Key, until: datetime) -> Key | None:
        """Gives the last key looked at; None when these were all."""
        business, _ = self._claims.moment()
        async with self._pool.acquire() as connection, connection.transaction():
            found = await marks.ambiguous(connection, after, until - self._grace, MOST)
            near = await marks.neighbours(connection, found)
            unsent: dict[Key, Input] = {
                key: Unheard()
                for key, row in found.items()
                if certainly_unsent(row, until, self._grace, near[key])
            }
            chosen = {key: found[key] for key in unsent}
            await rows.change(connection, chosen, unsent, business)
        for workspace, message in unsent:
            metrics.UNHEARD.inc()
            log.info("was not sent", workspace=workspace, message=message)
        return max(found) if len(found) == MOST else None
