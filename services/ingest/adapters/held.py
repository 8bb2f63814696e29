"""Deliveries that Kafka did not take, of shops that repeat nothing: rows, in the order they came.

One replica at a time hands them over. What is handed over and not yet deleted when it dies comes
again, with the same messageIds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import asyncpg
import structlog

from services.ingest.domain.shops.source import Source
from services.ingest.domain.shops.table import Shop
from shared.contracts.wire import Plain
from shared.db.pool import AWAY
from shared.errors import Problem

log = structlog.get_logger()
ASK_SECONDS = 5.0
TURN_SECONDS = 5.0  # then what was handed over is deleted for good
TURN_ROWS = 50
TURN_BYTES = 4 * 1024 * 1024
MOST_ROWS = 100_000
MOST_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HeldWebhook:
    """A delivery that was let in. `source`: as it was then; once held, without its secrets."""

    source: Source
    topic: str
    delivery: str
    body: bytes
    received_at: datetime


class HeldWebhooks:
    """The table `held_webhooks`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.waiting, self.bytes, self.oldest = 0, 0, 0.0  # as last counted; oldest: seconds

    async def keep(self, webhook: HeldWebhook) -> None:
        """Returns when it is durable; raises Problem 503. A repeat is held once."""
        if self.waiting >= MOST_ROWS or self.bytes + len(webhook.body) > MOST_BYTES:
            raise _later("too much waits for Kafka")
        source = webhook.source
        try:
            await self._pool.execute(
                """INSERT INTO held_webhooks (shop, source, workspace, settings, topic, delivery,
                       body, received_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING""",
                source.shop,
                source.name,
                source.workspace,
                source.settings,
                webhook.topic[:256],
                webhook.delivery,
                webhook.body,
                webhook.received_at,
                timeout=ASK_SECONDS,
            )
        except AWAY as error:
            log.warning("webhook not held", via=source.via, error=type(error).__name__)
            raise _later("Kafka and PostgreSQL are away") from error
        self.waiting += 1
        self.bytes += len(webhook.body)

    async def hand_over(self, give: Callable[[HeldWebhook], Awaitable[bool]]) -> int:
        """How many were taken, the oldest first, until `give` says no. 0 also if another replica
        is at it.
        """
        given = 0
        end = asyncio.get_running_loop().time() + TURN_SECONDS
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_TURN, TURN_ROWS, TURN_BYTES, timeout=ASK_SECONDS)
            for row in rows:
                if asyncio.get_running_loop().time() > end or not await give(_webhook(row)):
                    break
                await connection.execute("DELETE FROM held_webhooks WHERE id = $1", row["id"])
                given += 1
        return given

    async def count(self) -> None:
        """How many wait, how much they are, and for how long."""
        row = await self._pool.fetchrow(
            """SELECT count(*) AS waiting, coalesce(sum(octet_length(body)), 0) AS bytes,
                      coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0) AS oldest
               FROM held_webhooks""",
            timeout=ASK_SECONDS,
        )
        self.waiting, self.bytes = row["waiting"], row["bytes"]
        self.oldest = float(row["oldest"])


# At least one, however large; no bodies are read beyond the bytes of a turn.
_TURN = """
WITH mine AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('ingest.held_webhooks')) AS taken),
oldest AS (
    SELECT id, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS before
    FROM (SELECT id, body FROM held_webhooks ORDER BY id LIMIT $1) AS first)
SELECT h.* FROM held_webhooks h JOIN oldest USING (id), mine
WHERE mine.taken AND oldest.before < $2 ORDER BY h.id"""


def _webhook(row: asyncpg.Record) -> HeldWebhook:
    shop, settings = cast("Shop", row["shop"]), cast("Plain", row["settings"])
    source = Source(row["source"], row["workspace"], shop, settings)
    return HeldWebhook(source, row["topic"], row["delivery"], row["body"], row["received_at"])


def _later(why: str) -> Problem:
    return Problem(503, "Not kept", f"Send it again in a moment: {why}.", retry_after=2)
