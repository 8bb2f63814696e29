"""What waits to be fetched from a shop's API: rows, claimed by any replica, one at a time.

Claiming puts `due_at` ahead, so a row whose process dies comes again by itself.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog

from shared.db.pool import AWAY
from shared.errors import Problem

log = structlog.get_logger()
LEASE = timedelta(seconds=90)  # longer than any fetch takes
ASK_SECONDS = 5.0
MOST_WAITING = 200_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A webhook whose subject is to be fetched. `id` names it among the source's."""

    source: str
    scope: str
    id: str
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Fetch(Asked):
    """One that was claimed. `asked` rises with each repeat, `age` is since the first."""

    row: int
    asked: int
    attempts: int
    age: timedelta


class Fetches:
    """The table `fetches`. `woken` is set when something may be due."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.woken = asyncio.Event()
        self.waiting, self.oldest = 0, 0.0  # as last counted: rows, seconds

    async def keep(self, asked: Asked) -> None:
        """Returns when it is durable; raises Problem 503. A repeat is fetched once more only if the
        first is under way already.
        """
        if self.waiting > MOST_WAITING:
            raise _later("too much waits for the shop's API")
        try:
            await self._pool.execute(
                """INSERT INTO fetches (source, scope, hash, body, received_at)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (source, scope, hash) DO UPDATE SET asked = fetches.asked + 1""",
                asked.source,
                asked.scope,
                asked.id,
                asked.body,
                asked.received_at,
                timeout=ASK_SECONDS,
            )
        except AWAY as error:
            log.warning("webhook not kept", source=asked.source, error=type(error).__name__)
            raise _later("PostgreSQL is away") from error
        self.woken.set()

    async def claim(self, resting: Collection[str]) -> Fetch | None:
        """The one that is due longest, of a source that does not rest."""
        row = await self._pool.fetchrow(_CLAIM, LEASE, list(resting), timeout=ASK_SECONDS)
        if row is None:
            return None
        return Fetch(
            row["source"],
            row["scope"],
            row["hash"],
            row["body"],
            row["received_at"],
            row["id"],
            row["asked"],
            row["attempts"],
            row["age"],
        )

    async def done(self, fetch: Fetch) -> None:
        """Gone, unless it was asked for again meanwhile: what was fetched may be older."""
        gone = await self._pool.fetchval(
            "DELETE FROM fetches WHERE id = $1 AND asked = $2 RETURNING id",
            fetch.row,
            fetch.asked,
            timeout=ASK_SECONDS,
        )
        if gone is None:
            await self._pool.execute(
                """UPDATE fetches SET due_at = clock_timestamp(), attempts = 0,
                       since = clock_timestamp(), reason = '' WHERE id = $1""",
                fetch.row,
                timeout=ASK_SECONDS,
            )
            self.woken.set()

    async def later(self, fetch: Fetch, after: float, reason: str) -> None:
        """Again in so many seconds."""
        await self._pool.execute(
            """UPDATE fetches SET due_at = clock_timestamp() + $2::interval, reason = $3
               WHERE id = $1""",
            fetch.row,
            timedelta(seconds=after),
            reason[:500],
            timeout=ASK_SECONDS,
        )

    async def count(self) -> None:
        """How many wait, and for how long."""
        row = await self._pool.fetchrow(
            """SELECT count(*) AS waiting,
                      coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0) AS oldest
               FROM fetches""",
            timeout=ASK_SECONDS,
        )
        self.waiting, self.oldest = row["waiting"], float(row["oldest"])


# Source by source, so that thousands of a source that rests are not looked at for each claim.
_CLAIM = """
WITH RECURSIVE sources AS (
    (SELECT source FROM fetches ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (SELECT f.source FROM fetches f WHERE f.source > s.source ORDER BY f.source LIMIT 1)
    FROM sources s WHERE s.source IS NOT NULL)
UPDATE fetches SET due_at = clock_timestamp() + $1::interval, attempts = attempts + 1
WHERE id = (
    SELECT due.id FROM sources s CROSS JOIN LATERAL (
        SELECT f.id, f.due_at FROM fetches f
        WHERE f.source = s.source AND f.due_at <= clock_timestamp()
        ORDER BY f.due_at LIMIT 1 FOR UPDATE SKIP LOCKED) due
    WHERE s.source IS NOT NULL AND s.source <> ALL($2::text[])
    ORDER BY due.due_at LIMIT 1)
RETURNING id, source, scope, hash, body, received_at, asked, attempts,
          clock_timestamp() - since AS age"""


def _later(why: str) -> Problem:
    return Problem(503, "Not kept", f"Send it again in a moment: {why}.", retry_after=2)
