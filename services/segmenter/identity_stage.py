"""Stage identity: store-events -> identified-events. Who is it, and was it seen before?

    read    note the messageIds (a repeat ends here), find or make the identities, lock what merges
    decide  merge what belongs together; each event goes to its contact
    write   let the losers' identities point to the winners

Products and their stock are nobody's: they pass unchanged, in their order, each statement once.

Order within a transaction, the same for all batches, so that they never wait in a circle:
messageIds, new identities, contacts that merge; each in key order.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.segmenter.adapters import identity_rows, message_id_rows
from services.segmenter.domain.given import Given, believed, given_by
from services.segmenter.domain.identity import People
from services.segmenter.domain.message_window import hashed
from services.segmenter.domain.normalise import normalised
from shared.contracts import (
    ContactsMerged,
    Event,
    IdentifiedEvent,
    ProductChanged,
    StockChanged,
    StoreEvent,
    topics,
)
from shared.contracts.keys import item_key, product_key
from shared.contracts.stages import IDENTITY
from shared.kafka.records import Outgoing, Work


class Told(NamedTuple):
    """One store event, understood."""

    workspace: str
    given: Given
    event: Event


class Stated(NamedTuple):
    """A word on the catalogue. Its messageId counts for what it is about alone."""

    key: str
    message: ProductChanged | StockChanged


@dataclass(slots=True)
class Batch:
    """What is new in the batch, in partition order, and the people it is about."""

    told: list[Told | Stated] = field(default_factory=list)
    people: People = field(default_factory=People)


class IdentityStage:
    """Has no state of its own: everything is in the rows."""

    spec = IDENTITY

    async def read(self, connection: asyncpg.Connection, work: Work) -> Batch:
        told = [_read(received.message) for received in work.messages]
        if not told:
            return Batch()
        new = await message_id_rows.take(connection, [_id_of(t) for t in told], work.time)
        told = [t for t, is_new in zip(told, new, strict=True) if is_new]
        given = [t.given for t in told if isinstance(t, Told)]
        people = await identity_rows.read(connection, given) if given else People()
        return Batch(told, people)

    def decide(self, state: Batch, work: Work) -> list[Outgoing]:  # noqa: ARG002  all is in state
        return [message for told in state.told for message in identified(state.people, told)]

    async def write(self, connection: asyncpg.Connection, state: Batch) -> None:
        await identity_rows.write(connection, state.people)


def _read(message: StoreEvent | ProductChanged | StockChanged) -> Told | Stated:
    if isinstance(message, StoreEvent):
        return understood(message)
    if isinstance(message, StockChanged):
        return Stated(item_key(message.workspace, message.item), message)
    return Stated(product_key(message.workspace, message.product), message)


def understood(stored: StoreEvent) -> Told:
    """Raises BadCall."""
    call, event = normalised(stored)
    return Told(
        stored.workspace, given_by(stored.workspace, call, event, public=stored.public), event
    )


def _id_of(told: Told | Stated) -> tuple[bytes, datetime]:
    """What a repeat is known by (hash, received_at)."""
    if isinstance(told, Told):
        return hashed(told.workspace, told.event.message_id), told.event.received_at
    message = told.message
    return hashed(told.key, message.message_id), message.received_at


def identified(people: People, told: Told | Stated) -> list[Outgoing]:
    """The merges that the event causes, then the event for its contact."""
    if isinstance(told, Stated):
        return [Outgoing(topics.IDENTIFIED_EVENTS, told.key, told.message)]
    contact, merges, claimed = people.attribute(told.given)
    messages: list[tuple[str, ContactsMerged | IdentifiedEvent]] = [
        (
            merge.loser,
            ContactsMerged(
                workspace=told.workspace,
                loser=merge.loser,
                winner=merge.winner,
                at=told.event.received_at,
                claimed=merge.claimed,
            ),
        )
        for merge in merges
        if merge.visible
    ]
    said = told.event
    if claimed or told.given.public:
        said = believed(told.workspace, said, contact)
    event = IdentifiedEvent(
        workspace=told.workspace, contact=contact, event=said, by_merge=bool(messages)
    )
    return [
        Outgoing.to_contact(topics.IDENTIFIED_EVENTS, key, message)
        for key, message in [*messages, (contact, event)]
    ]
