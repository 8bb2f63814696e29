"""One destination partition: what waits in order, and the one batch in flight."""

from collections import deque
from collections.abc import Iterable

from .batch import Batch
from .tickets import Parcel


class Lane:
    """One destination partition."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic, self.partition = topic, partition
        self.waiting: deque[Parcel] = deque()
        self.flying: list[Parcel] = []
        self.called = False  # a convoy will take what waits

    def overdue(self, now: float) -> bool:
        head = self.flying or self.waiting
        return bool(head) and head[0].ticket.deadline <= now

    def take_overdue(self, now: float) -> Iterable[Parcel]:
        while self.waiting and self.waiting[0].ticket.deadline <= now:
            yield self.waiting.popleft()


def fill(lane: Lane) -> Batch:
    """Moves as much as fits from `waiting` to `flying`."""
    batch = Batch()
    while lane.waiting:
        parcel = lane.waiting.popleft()
        lane.flying.append(parcel)  # first: what cannot be appended is given up
        fitted = batch.extend(parcel.records)
        if fitted < len(parcel.records):
            _put_back(lane, fitted)
            break
    return batch


def _put_back(lane: Lane, fitted: int) -> None:
    """The batch is full: what of the last parcel did not fit waits for the next."""
    parcel = lane.flying.pop()
    first, rest = parcel.parted(fitted)
    if fitted:
        lane.flying.append(first)
    elif not lane.flying:  # cannot be: events have 32 kB at most
        lane.flying.append(parcel)
        raise ValueError("a message is larger than a batch")
    lane.waiting.appendleft(rest)
