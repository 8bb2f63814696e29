"""Stage identity: store-events -> identified-events. Who is it, and was it seen before?

    read    note the messageIds (a repeat ends here), find or make the identities, lock what merges
    decide  merge what belongs together; each event goes to its contact
    write   let the losers' identities point to the winners

Order within a transaction, the same for all batches, so that they never wait in a circle:
messageIds, new identities, contacts that merge; each in key order.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import asyncpg

from services.segmenter.adapters import identity_rows, message_id_rows
from services.segmenter.domain.given import Given, given_by, unaddressed
from services.segmenter.domain.identity import People
from services.segmenter.domain.message_window import hashed
from services.segmenter.domain.normalise import normalised
from shared.contracts import ContactsMerged, Event, IdentifiedEvent, StoreEvent, topics
from shared.contracts.stages import IDENTITY
from shared.kafka.records import Outgoing, Work


class Told(NamedTuple):
    """One store event, understood."""

    workspace: str
    given: Given
    event: Event


@dataclass(slots=True)
class Batch:
    """The batch's new events, in partition order, and the people they are about."""

    told: list[Told] = field(default_factory=list)
    people: People = field(default_factory=People)


class IdentityStage:
    """Has no state of its own: everything is in the rows."""

    spec = IDENTITY

    async def read(self, connection: asyncpg.Connection, work: Work) -> Batch:
        told = [understood(received.message) for received in work.messages]
        if not told:
            return Batch()
        ids = [(hashed(t.workspace, t.event.message_id), t.event.received_at) for t in told]
        new = await message_id_rows.take(connection, ids, work.time)
        told = [t for t, is_new in zip(told, new, strict=True) if is_new]
        return Batch(told, await identity_rows.read(connection, (t.given for t in told)))

    def decide(self, state: Batch, work: Work) -> list[Outgoing]:  # noqa: ARG002  all is in state
        return [message for told in state.told for message in identified(state.people, told)]

    async def write(self, connection: asyncpg.Connection, state: Batch) -> None:
        await identity_rows.merge(connection, state.people.merges)


def understood(stored: StoreEvent) -> Told:
    """Raises BadCall."""
    call, event = normalised(stored)
    return Told(stored.workspace, given_by(stored.workspace, call, event, public=stored.public), event)


def identified(people: People, told: Told) -> list[Outgoing]:
    """The merges that the event causes, then the event for its contact."""
    contact, merges = people.attribute(told.given)
    messages: list[tuple[str, ContactsMerged | IdentifiedEvent]] = [
        (
            merge.loser,
            ContactsMerged(
                workspace=told.workspace,
                loser=merge.loser,
                winner=merge.winner,
                at=told.event.received_at,
            ),
        )
        for merge in merges
        if merge.visible
    ]
    said = told.event
    if told.given.public:
        said = unaddressed(told.workspace, said, contact)
    event = IdentifiedEvent(
        workspace=told.workspace, contact=contact, event=said, by_merge=bool(messages)
    )
    return [
        Outgoing.to_contact(topics.IDENTIFIED_EVENTS, key, message)
        for key, message in [*messages, (contact, event)]
    ]
