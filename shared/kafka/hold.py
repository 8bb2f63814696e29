"""Timers wait for the stages before them, but not for ever (TUVI_TIMER_HOLD).

When the horizon has not moved for `hold` seconds of wall time, timers that have been due for as
long fire all the same, and are counted. A process that was down holds nothing: it starts to count
when it starts, so what came in while it was away is read first.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.clock import BusinessLine


@dataclass(slots=True)
class Hold:
    """Durations in seconds of wall time; `line` reads the business line when it is needed."""

    marketing: float
    transactional: float
    line: Callable[[], Awaitable[tuple[datetime, BusinessLine]]]
    _seen: datetime | None = None
    _moved: float = field(default_factory=time.monotonic)

    @property
    def stalled(self) -> float:
        """Seconds since the horizon last moved."""
        return time.monotonic() - self._moved

    async def until(self, seen: datetime | None) -> tuple[datetime | None, datetime | None]:
        """Up to when timers may fire: (marketing, transactional). None: not at all yet."""
        if seen != self._seen:
            self._seen, self._moved = seen, time.monotonic()
        if self.stalled < min(self.marketing, self.transactional):
            return seen, seen
        now, line = await self.line()
        return (
            self._forced(seen, now, line, self.marketing),
            self._forced(seen, now, line, self.transactional),
        )

    def _forced(
        self, seen: datetime | None, now: datetime, line: BusinessLine, hold: float
    ) -> datetime | None:
        if self.stalled < hold:
            return seen
        late = now - timedelta(seconds=hold) * line.speed
        return late if seen is None else max(seen, late)
