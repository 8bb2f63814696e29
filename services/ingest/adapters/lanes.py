"""One destination partition: what waits in order, and the one batch in flight."""

from collections import deque
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

from .tickets import Parcel

_NO_HEADERS: list[tuple[str, bytes]] = []


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


def fill(lane: Lane, producer: AIOKafkaProducer) -> Any:
    """Moves as much as fits from `waiting` to `flying`."""
    batch = producer.create_batch()
    append = batch.append
    while lane.waiting:
        parcel = lane.waiting.popleft()
        lane.flying.append(parcel)  # first: what cannot be appended is given up
        for index, (key, value) in enumerate(parcel.records):
            if append(key=key, value=value, timestamp=None, headers=_NO_HEADERS) is None:
                _put_back(lane, index)
                return batch
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
