"""Who may mark SES's feed: one replica at a time, with a number that rises with each."""

from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

LEASE = timedelta(seconds=20)


class Held(NamedTuple):
    """`fence` is this holder's number, `now` PostgreSQL's wall clock at that moment."""

    fence: int
    now: datetime


async def hold(pool: asyncpg.Pool, holder: str) -> Held | None:
    """Taken, or held on to, for LEASE from now; None: it is another's.

    The number comes from the clock, so that it rises even if the database was restored.
    """
    row = await pool.fetchrow(
        """UPDATE feed_lease SET holder = $1, until = clock_timestamp() + $2::interval,
               fence = CASE WHEN holder = $1 THEN fence ELSE greatest(
                   fence + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) END
           WHERE holder = $1 OR until < clock_timestamp()
           RETURNING fence, clock_timestamp() AS now""",
        holder,
        LEASE,
    )
    return None if row is None else Held(row["fence"], row["now"])
