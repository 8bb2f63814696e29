"""What a request waits for: each of its messages acknowledged, or given up."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

Record = tuple[bytes, bytes | None]  # Kafka's key and value


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


class Parcel(NamedTuple):
    """What one request has for one partition, in order; `places` are theirs in the request."""

    ticket: Ticket
    records: Sequence[Record]
    places: Sequence[int]

    def parted(self, at: int) -> "tuple[Parcel, Parcel]":
        """The first `at` records, and the others."""
        ticket, records, places = self
        return (
            Parcel(ticket, records[:at], places[:at]),
            Parcel(ticket, records[at:], places[at:]),
        )
