"""Which rows a batch is about, so that they are read and locked before it is worked through."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from services.metrics.domain.message import message_of
from services.metrics.domain.order import order_id_of
from shared.contracts import ContactEvent, ContactsMerged, JourneyEvent

Input = ContactEvent | ContactsMerged | JourneyEvent


class Id(NamedTuple):
    """A row's key within its table; sorts in the order in which rows are locked."""

    workspace: str
    name: str


class Fact(NamedTuple):
    """Something that is only counted, remembered by its digest so that it counts once."""

    workspace: str
    digest: int


@dataclass(slots=True)
class Wanted:
    """`persons`: whose orders and clicks will be looked at."""

    contacts: set[Id] = field(default_factory=set)
    persons: set[Id] = field(default_factory=set)
    messages: set[Id] = field(default_factory=set)
    runs: set[Id] = field(default_factory=set)
    facts: set[Fact] = field(default_factory=set)


def wanted(inputs: Iterable[Input]) -> Wanted:
    """For all of a batch's messages."""
    found = Wanted()
    for given in inputs:
        if isinstance(given, ContactEvent):
            _contact_event(found, given)
        elif isinstance(given, ContactsMerged):
            both = {Id(given.workspace, given.loser), Id(given.workspace, given.winner)}
            found.contacts |= both
            found.persons |= both
        else:
            _journey_event(found, given)
    return found


def _contact_event(found: Wanted, given: ContactEvent) -> None:
    who = Id(given.workspace, given.contact)
    found.contacts.add(who)
    if given.event is not None:
        found.facts.add(event_fact(given.workspace, given.event.message_id))
        if order_id_of(given.event):
            found.persons.add(who)
    if given.delivery is not None and is_counted(given):
        found.messages.add(Id(given.workspace, given.delivery.message))
        if given.delivery.event == "Clicked" and given.verdict == "human":
            found.persons.add(who)


def _journey_event(found: Wanted, given: JourneyEvent) -> None:
    found.contacts.add(Id(given.workspace, given.contact))
    if given.origin != "live":
        return
    if given.kind == "refused":
        found.facts.add(refusal_fact(given))
    elif given.run:
        found.runs.add(Id(given.workspace, given.run))
        if given.kind == "skipped":
            found.messages.add(Id(given.workspace, message_of(given)))


def is_counted(given: ContactEvent) -> bool:
    """Mails that Tuvi sent, or did not: not those of an import, nor what a replay repeats."""
    delivery = given.delivery
    return delivery is not None and delivery.origin == "live" and bool(delivery.message)


def event_fact(workspace: str, message_id: str) -> Fact:
    return _fact(workspace, "event", message_id)


def refusal_fact(given: JourneyEvent) -> Fact:
    """A refusal has no id of its own: who, for which journey and key, why and when."""
    at = given.at.isoformat()
    parts = given.contact, given.journey, given.key, given.reason, at
    return _fact(given.workspace, "refused", *parts)


def _fact(workspace: str, *parts: str) -> Fact:
    digest = blake2b("\x1f".join(parts).encode(errors="replace"), digest_size=8).digest()
    return Fact(workspace, int.from_bytes(digest, signed=True))
