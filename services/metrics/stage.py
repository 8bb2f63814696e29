"""Stage statistics: contact-events and journey-events in, rows and sums out."""

from dataclasses import dataclass

import asyncpg

from services.metrics.adapters import rows
from services.metrics.domain.book import Book
from services.metrics.domain.wanted import wanted
from shared.contracts.stages import STATISTICS
from shared.kafka.records import Outgoing, Work


@dataclass(slots=True)
class State:
    book: Book
    partition: int


class StatisticsStage:
    """`read`, `decide`, `write` of the one loop around the pure book. Publishes nothing."""

    spec = STATISTICS

    async def read(self, connection: asyncpg.Connection, work: Work) -> State:
        """One query a table, whatever the batch's size; redirects cost one more each."""
        asked = wanted(received.message for received in work.messages)
        return State(Book(await rows.read(connection, asked)), work.partition)

    def decide(self, state: State, work: Work) -> list[Outgoing]:
        state.book.work(received.message for received in work.messages)
        return []

    async def write(self, connection: asyncpg.Connection, state: State) -> None:
        await rows.write(connection, state.book, state.partition)
