"""The tables in memory, read and written as the adapters do it: only what a batch asks for."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from services.metrics.domain.book import Book
from services.metrics.domain.rows import Rows
from services.metrics.domain.tally import Hour, Label
from services.metrics.domain.wanted import Id, Input, wanted


class Store:
    """`gained` and `lost` may only rise, `hours` are net."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.hours: dict[Hour, Decimal] = defaultdict(Decimal)
        self.gained: dict[Label, Decimal] = defaultdict(Decimal)
        self.lost: dict[Label, Decimal] = defaultdict(Decimal)

    def batch(self, inputs: Sequence[Input]) -> Book:
        book = Book(self._read(inputs))
        book.work(inputs)
        self._write(book)
        return book

    def net(self) -> dict[Label, Decimal]:
        labels = self.gained.keys() | self.lost.keys()
        found = {label: self.gained[label] - self.lost[label] for label in labels}
        return {label: value for label, value in found.items() if value}

    def by_hours(self) -> dict[Hour, Decimal]:
        return {hour: value for hour, value in self.hours.items() if value}

    def _read(self, inputs: Sequence[Input]) -> Rows:
        asked, known = wanted(inputs), self.rows
        read = Rows(facts=known.facts & asked.facts)
        left = set(asked.contacts)
        while left:
            found = {c: known.contacts[c] for c in left if c in known.contacts}
            read.contacts |= found
            left = {Id(c.workspace, c.merged_into) for c in found.values() if c.merged_into}
        persons = {read.person(contact) for contact in asked.persons}
        for key, mail in known.messages.items():
            if key in asked.messages or (mail.workspace, mail.contact) in persons:
                read.messages[key] = mail
        read.orders = {k: o for k, o in known.orders.items() if k[:2] in persons}
        read.runs = {k: r for k, r in known.runs.items() if k in asked.runs}
        return read

    def _write(self, book: Book) -> None:
        ours, theirs = self.rows, book.rows
        tables: list[dict[Id, Any]] = [ours.messages, ours.runs]
        for rows in tables:
            for key, row in list(rows.items()):
                if Id(row.workspace, row.contact) in book.moved:
                    person = theirs.person(Id(row.workspace, row.contact))
                    rows[key] = replace(row, contact=person.name)
        for gone in book.before.orders.keys() - theirs.orders.keys():
            del ours.orders[gone]
        ours.contacts |= theirs.contacts
        ours.messages |= theirs.messages
        ours.runs |= theirs.runs
        ours.orders |= theirs.orders
        ours.facts |= theirs.facts
        sums: list[tuple[dict[Any, Decimal], dict[Any, Decimal]]] = [
            (self.hours, book.tally.hours),
            (self.gained, book.tally.gained),
            (self.lost, book.tally.lost),
        ]
        for mine, more in sums:
            for key, value in more.items():
                mine[key] += value
