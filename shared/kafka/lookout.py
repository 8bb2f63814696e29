"""One partition's look at the time: what has been seen, what is due, what progress to report.

At most every progress interval, and again at once while more timers are waiting than one batch
takes. A stage that forwards to other partitions of its own input (profile, for merged contacts)
takes two rounds: first all its partitions say what they have consumed, then the ends of the inputs
are read again, so that what was forwarded from before T has been seen too before T is passed.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import asyncpg

from shared.clock import read_line, read_now
from shared.contracts.stages import StageSpec
from shared.db import timers
from shared.kafka.batch import Batch
from shared.kafka.feed import Feed
from shared.kafka.gauges import Gauges
from shared.kafka.hold import Hold
from shared.kafka.progress import Horizon
from shared.kafka.settings import LoopSettings

Lowest = Callable[[str], datetime | None]


class Lookout:
    """`lowest(stage)` is what all partitions of a stage have passed, from the progress board."""

    def __init__(
        self,
        spec: StageSpec,
        feed: Feed,
        db: asyncpg.Connection,
        settings: LoopSettings,
        lowest: Lowest,
    ) -> None:
        self._spec, self._feed, self._db = spec, feed, db
        self._settings, self._lowest = settings, lowest
        self._first = Horizon(self._before, feed.ends)
        self._horizon = Horizon(self._own_first, feed.ends) if spec.forwards else self._first
        self._hold = Hold(settings.timer_hold, settings.timer_hold_transactional, self._line)
        self._gauges = Gauges(spec.name, feed.partition)
        self._reported: dict[str, datetime] = {}
        self._next = 0.0

    @property
    def patience(self) -> float:
        """Seconds until the next look."""
        return max(0.0, self._next - time.monotonic())

    async def look(self, batch: Batch, positions: dict[str, int]) -> None:
        """Give the batch its timers, horizon and progress; `positions` are the committed ones."""
        if self.patience:
            return
        more = False
        if self._spec.reports_progress:
            await self._first.look(positions)
            if self._spec.forwards:
                await self._horizon.look(positions)
        batch.work.horizon = self._horizon.seen
        if self._spec.has_timers:
            more = await self._find_due(batch)
        if self._spec.reports_progress and not more:
            batch.progress = self._news()
        self._next = time.monotonic() + (0 if more else self._settings.progress_interval)

    def reported(self, batch: Batch) -> None:
        """The batch was committed."""
        self._reported.update(batch.progress)

    def forced(self, timer: timers.Timer) -> bool:
        """It fires by the hold alone: not all that comes before it has been seen."""
        seen = self._horizon.seen
        return seen is None or timer.due_at > seen

    def _news(self) -> list[tuple[str, datetime]]:
        rounds = [(self._spec.name, self._horizon.seen)]
        if self._spec.forwards:
            rounds.insert(0, (self._spec.first_round, self._first.seen))
        return [(name, at) for name, at in rounds if at and self._reported.get(name) != at]

    async def _find_due(self, batch: Batch) -> bool:
        until, urgent = await self._hold.until(self._horizon.seen)
        self._gauges.held(self._hold.stalled)
        if until is None and urgent is None:
            return False
        limit = self._settings.batch_size
        batch.work.horizon = until
        batch.work.timers = await timers.due(
            self._db,
            self._feed.partition,
            self._settings.partitions,
            until,
            limit,
            transactional_until=urgent,
        )
        return len(batch.work.timers) == limit

    async def _before(self) -> datetime | None:
        if self._spec.previous:
            return self._lowest(self._spec.previous)
        return await read_now(self._db)

    async def _own_first(self) -> datetime | None:
        return self._lowest(self._spec.first_round)

    async def _line(self) -> tuple[datetime, Any]:
        return await read_now(self._db), await read_line(self._db)
