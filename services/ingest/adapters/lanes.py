"""One destination partition: what waits in order, and the one batch in flight."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

from .tickets import Entry


class Lane:
    """One destination partition."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic, self.partition = topic, partition
        self.waiting: deque[Entry] = deque()
        self.flying: list[Entry] = []
        self.pump: asyncio.Task[None] | None = None

    def overdue(self, now: float) -> bool:
        head = self.flying or self.waiting
        return bool(head) and head[0].ticket.deadline <= now

    def take_overdue(self, now: float) -> Iterable[Entry]:
        while self.waiting and self.waiting[0].ticket.deadline <= now:
            yield self.waiting.popleft()


def fill(lane: Lane, producer: AIOKafkaProducer) -> Any:
    """Moves as much as fits from `waiting` to `flying`."""
    batch = producer.create_batch()
    while lane.waiting:
        lane.flying.append(lane.waiting.popleft())  # first: what cannot be appended is given up
        message = lane.flying[-1].message
        appended = batch.append(
            key=message.key, value=message.value, timestamp=None, headers=list(message.headers)
        )
        if appended is None:
            if len(lane.flying) == 1:  # cannot be: events have 32 kB at most
                raise ValueError("a message is larger than a batch")
            lane.waiting.appendleft(lane.flying.pop())
            break
    return batch
