"""A partition's gauges: there while a process has the partition, gone when it is given up."""

import time
from dataclasses import dataclass

from shared.kafka import metrics

ALL = (
    metrics.LAST_PROGRESS,
    metrics.LAST_READ,
    metrics.LAG,
    metrics.OUTBOX_PENDING,
    metrics.TIMERS_HELD,
)


@dataclass(frozen=True, slots=True)
class Gauges:
    """Said by whoever does it; times are Unix seconds."""

    stage: str
    partition: int

    def taken(self) -> None:
        """From now on it is expected to go round and to read."""
        self.went_round()
        self.read(time.time())

    def went_round(self) -> None:
        """Also in each loop that waits for what is away: waiting is not being stuck."""
        metrics.LAST_PROGRESS.labels(self.stage, self.partition).set_to_current_time()

    def read(self, at: float) -> None:
        metrics.LAST_READ.labels(self.stage, self.partition).set(at)

    def lag(self, records: int | None) -> None:
        if records is not None:
            metrics.LAG.labels(self.stage, self.partition).set(records)

    def pending(self, *, some: bool) -> None:
        metrics.OUTBOX_PENDING.labels(self.stage, self.partition).set(time.time() if some else 0)

    def held(self, seconds: float) -> None:
        metrics.TIMERS_HELD.labels(self.stage, self.partition).set(seconds)

    def given_up(self) -> None:
        for gauge in ALL:
            gauge.remove(self.stage, self.partition)
