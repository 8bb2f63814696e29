"""What a request waits for: each of its messages acknowledged, or given up."""

import asyncio
from typing import NamedTuple

from shared.kafka.producer import Addressed


class Ticket:
    """One request's messages. `done` gives the places of those that were not acknowledged."""

    __slots__ = ("deadline", "done", "failed", "left", "size")

    def __init__(self, messages: int, size: int, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.left = messages
        self.size = size
        self.deadline = loop.time() + seconds
        self.failed: set[int] = set()
        self.done: asyncio.Future[set[int]] = loop.create_future()


class Entry(NamedTuple):
    """One message and its place in its request."""

    message: Addressed
    ticket: Ticket
    place: int
