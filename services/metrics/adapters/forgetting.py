"""Facts that Kafka can no longer repeat need not be remembered."""

import asyncio

import asyncpg
import structlog

from shared.db.pool import AWAY

log = structlog.get_logger()
KEPT_DAYS = 35  # topics keep 30
MOST = 10_000
EVERY_SECONDS = 3600.0
PAUSE_SECONDS = 0.1


async def forget_old_facts(pool: asyncpg.Pool, every: float = EVERY_SECONDS) -> None:
    """Until cancelled; a little at a time, so that nobody waits for it."""
    while True:
        try:
            left = await forget_some(pool) == MOST
        except AWAY as error:
            left = False
            log.warning("old facts wait", reason=type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS if left else every)


async def forget_some(pool: asyncpg.Pool) -> int:
    """How many were forgotten."""
    done = await pool.execute(
        """DELETE FROM facts WHERE ctid = ANY (ARRAY(
               SELECT ctid FROM facts WHERE noted_on < CURRENT_DATE - $1::int LIMIT $2))""",
        KEPT_DAYS,
        MOST,
    )
    return int(done.rpartition(" ")[2])
