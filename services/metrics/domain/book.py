"""A batch worked through in memory: rows as they were, rows as they are, and what that adds.

The order of arrival does not matter, nor how batches are cut, nor what is told twice: every row
only learns, and attribution is worked out anew from all orders and clicks of a person whenever
one of them may have changed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from services.metrics.domain import message as messages
from services.metrics.domain import order as orders
from services.metrics.domain import run as runs
from services.metrics.domain import tally
from services.metrics.domain.attribution import attributed
from services.metrics.domain.contact import Contact
from services.metrics.domain.message import Message
from services.metrics.domain.order import Order
from services.metrics.domain.rows import OrderId, Rows
from services.metrics.domain.run import Run
from services.metrics.domain.tally import Tally
from services.metrics.domain.wanted import (
    Fact,
    Id,
    Input,
    event_fact,
    is_counted,
    refusal_fact,
    wanted,
)
from shared.contracts import ContactEvent, ContactsMerged, DeliveryEvent, Event, JourneyEvent


class Book:
    """`before` as it was read, `rows` as they are now; `moved`: contact -> who it became."""

    def __init__(self, before: Rows) -> None:
        self.before = before
        self.rows = before.copy()
        self.moved: dict[Id, Id] = {}
        self.tally = Tally()

    def work(self, inputs: Iterable[Input]) -> None:
        """All of a batch, in partition order. The rows that `wanted` names have been read."""
        listed = list(inputs)
        for given in listed:
            _HANDLERS[type(given)](self, given)
        persons = {self.rows.person(contact) for contact in wanted(listed).persons}
        self._attribute(persons)
        self._count()

    # what comes in ------------------------------------------------------------------------------

    def contact_event(self, given: ContactEvent) -> None:
        fact = given.event or given.delivery or given.segment
        if fact is None:
            return
        person = self._seen(Id(given.workspace, given.contact), fact.at)
        if given.event is not None:
            self._store_event(person, given.event)
        elif given.delivery is not None and is_counted(given):
            self._delivery(person, given.delivery, given.verdict)

    def journey_event(self, given: JourneyEvent) -> None:
        person = self._seen(Id(given.workspace, given.contact), given.at)
        if given.origin != "live":
            return
        if given.kind == "refused":
            if self._counts(refusal_fact(given)):
                part = tally.of_refusal(given.workspace, given.journey, given.reason, given.at)
                self.tally.note((), part)
        elif given.run:
            key = Id(given.workspace, given.run)
            run = self.rows.runs.get(key) or Run(
                workspace=given.workspace, run=given.run, contact=person.name, journey=given.journey
            )
            self.rows.runs[key] = runs.transition(run, given)
            if given.kind == "skipped":
                mail = self._message(person, messages.message_of(given))
                self._keep(messages.skipped(mail, given))

    def merged(self, given: ContactsMerged) -> None:
        """Whatever is the loser's is the winner's from now on; who is the winner's too."""
        loser = self._seen(Id(given.workspace, given.loser), given.at)
        winner = self._seen(Id(given.workspace, given.winner), given.at)
        if loser == winner:
            return
        known = self.rows.contacts[loser]
        self.rows.contacts[loser] = replace(known, merged_into=given.winner)
        self.moved[loser] = winner
        self._move(loser, winner)

    def _move(self, loser: Id, winner: Id) -> None:
        for mail in list(self.rows.messages.values()):
            if (mail.workspace, mail.contact) == loser:
                self._keep(replace(mail, contact=winner.name))
        for key, run in list(self.rows.runs.items()):
            if (run.workspace, run.contact) == loser:
                self.rows.runs[key] = replace(run, contact=winner.name)
        for order in [o for o in self.rows.orders.values() if (o.workspace, o.contact) == loser]:
            del self.rows.orders[_order_key(order)]
            moved = replace(order, contact=winner.name)
            theirs = self.rows.orders.get(_order_key(moved), moved)
            self.rows.orders[_order_key(moved)] = orders.united(theirs, moved)

    def _store_event(self, person: Id, event: Event) -> None:
        if self._counts(event_fact(person.workspace, event.message_id)):
            self.tally.note((), tally.of_event(person.workspace, event.at))
        order_id = orders.order_id_of(event)
        if order_id:
            key = OrderId(*person, order_id)
            order = self.rows.orders.get(key) or Order(
                workspace=person.workspace, contact=person.name, order_id=order_id
            )
            self.rows.orders[key] = orders.transition(order, event)

    def _delivery(self, person: Id, delivery: DeliveryEvent, verdict: str | None) -> None:
        mail = self._message(person, delivery.message)
        self._keep(messages.transition(mail, delivery, verdict))

    # rows ---------------------------------------------------------------------------------------

    def _seen(self, contact: Id, at: datetime) -> Id:
        """The person that this contact is; the contact is known from now on."""
        known = self.rows.contacts.get(contact)
        if known is None or at < known.first_at:
            name, into = contact.name, known.merged_into if known else ""
            self.rows.contacts[contact] = Contact(
                workspace=contact.workspace, contact=name, first_at=at, merged_into=into
            )
        return self.rows.person(contact)

    def _counts(self, fact: Fact) -> bool:
        """True the first time."""
        new = fact not in self.rows.facts
        self.rows.facts.add(fact)
        return new

    def _message(self, person: Id, name: str) -> Message:
        known = self.rows.messages.get(Id(person.workspace, name))
        return known or Message(workspace=person.workspace, message=name, contact=person.name)

    def _keep(self, mail: Message) -> None:
        self.rows.messages[Id(mail.workspace, mail.message)] = mail

    # what follows -------------------------------------------------------------------------------

    def _attribute(self, persons: set[Id]) -> None:
        """Which mail won which order, of all orders and clicks of these persons."""
        mails: dict[Id, list[Message]] = defaultdict(list)
        bought: dict[Id, list[Order]] = defaultdict(list)
        for mail in self.rows.messages.values():
            mails[Id(mail.workspace, mail.contact)].append(mail)
        for order in self.rows.orders.values():
            bought[Id(order.workspace, order.contact)].append(order)
        for person in persons:
            won: dict[str, dict[str, orders.Won]] = defaultdict(dict)
            answers = attributed(mails[person], bought[person])
            for order in bought[person]:
                winner = answers[order.order_id]
                self.rows.orders[_order_key(order)] = replace(order, message=winner)
                won[winner][order.order_id] = order.worth
            for mail in mails[person]:
                self._keep(replace(mail, won=dict(sorted(won[mail.message].items()))))

    def _count(self) -> None:
        for name, parts in _PARTS.items():
            before, after = getattr(self.before, name), getattr(self.rows, name)
            for key, row in after.items():
                if (known := before.get(key)) != row:
                    self.tally.note(parts(known), parts(row))


def _order_key(order: Order) -> OrderId:
    return OrderId(order.workspace, order.contact, order.order_id)


_PARTS: dict[str, Callable[[Any], Iterable[tally.Part]]] = {
    "contacts": tally.of_contact,
    "messages": tally.of_message,
    "runs": tally.of_run,
}

_HANDLERS: dict[type, Callable[[Book, Any], None]] = {
    ContactEvent: Book.contact_event,  # store events, deliveries, segments
    ContactsMerged: Book.merged,
    JourneyEvent: Book.journey_event,
}
