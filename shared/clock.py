"""Two clocks. Wall and monotonic time: `time.time`, `time.monotonic`, given in main.
Business time: what journeys, segments and reports live in, one line stored in PostgreSQL.

    business = origin_business + (the database's wall clock - origin_wall) x speed

Speed is 1 in production, 2,400 in the demo, 0 in tests that step it by hand.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from shared.db.pool import AWAY

NOW = """(SELECT origin_business + (clock_timestamp() - origin_wall) * speed
          FROM installation.clock)"""  # one place for the formula in SQL


@dataclass(frozen=True, slots=True)
class BusinessLine:
    """The stored line; `skew` is the database's wall clock minus this machine's."""

    origin_wall: datetime
    origin_business: datetime
    speed: float
    skew: timedelta = timedelta(0)

    def at(self, wall: datetime) -> datetime:
        passed = wall + self.skew - self.origin_wall
        # A duration times a fraction is the dearest step by far, and this is asked at every event.
        return self.origin_business + (passed if self.speed == 1 else passed * self.speed)


async def read_line(connection: asyncpg.Connection) -> BusinessLine:
    """The line as stored, with this machine's skew."""
    row = await connection.fetchrow(
        "SELECT origin_wall, origin_business, speed, clock_timestamp() AS wall "
        "FROM installation.clock"
    )
    return BusinessLine(
        row["origin_wall"],
        row["origin_business"],
        row["speed"],
        row["wall"] - datetime.now(UTC),
    )


async def read_now(connection: asyncpg.Connection) -> datetime:
    """Business time at this moment, by the database's clock."""
    now: datetime = await connection.fetchval(f"SELECT {NOW}")
    return now


class ProcessClock:
    """Business time without a query: the line is read again every second by `keep`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._line: BusinessLine | None = None

    async def start(self) -> None:
        async with self._pool.acquire() as connection:
            self._line = await read_line(connection)

    async def keep(self, every: float = 1.0) -> None:
        """Run for ever beside the service, so that a changed line is seen within a second."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.start()
            except AWAY:
                continue  # PostgreSQL is away: the last line is as good as ever

    def now(self) -> datetime:
        return self.line.at(datetime.now(UTC))

    @property
    def line(self) -> BusinessLine:
        if self._line is None:
            raise RuntimeError("the clock was not started")
        return self._line
