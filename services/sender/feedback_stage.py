"""Stage feedback: what became of mails. Never behind commands, so that no means no at once."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg

from services.sender import metrics
from services.sender.adapters import contacts, marks, rows
from services.sender.domain import bounces as soft
from services.sender.domain.bounces import Bounces
from services.sender.domain.ledger import transition
from services.sender.domain.message import Key, Row
from services.sender.domain.permission import (
    Contact,
    Lift,
    Suppression,
    contact_suppression_key,
    suppression_key,
)
from services.sender.domain.unheard import Mark, newer
from shared.contracts import DeliveryEvent, FeedMark, topics
from shared.contracts.stages import FEEDBACK
from shared.kafka.records import Outgoing, Work


@dataclass(slots=True)
class State:
    partition: int
    before: dict[Key, Row]
    after: dict[Key, Row]
    contacts: dict[Key, Contact]
    bounces: dict[Key, Bounces]
    changed: set[Key] = field(default_factory=set)
    suppressions: list[Suppression] = field(default_factory=list)
    lifts: list[Lift] = field(default_factory=list)
    mark: Mark | None = None  # the partition's, if the batch has one
    started: list[datetime] = field(default_factory=list)  # of those that SES says it took

    def address(self, event: DeliveryEvent) -> str:
        """That the mail went to; else the contact's; else the contact itself stands for it."""
        row = self.after.get((event.workspace, event.message))
        contact = self.contacts.get((event.workspace, event.contact))
        known = (row.address if row else "") or (contact.email if contact else "")
        return suppression_key(known) or contact_suppression_key(event.contact)


class FeedbackStage:
    """Settles messages, suppresses addresses, tells what was proven by less than a Send."""

    spec = FEEDBACK

    async def read(self, connection: asyncpg.Connection, work: Work) -> State:
        said = [m.message for m in work.messages]
        events = [event for event in said if isinstance(event, DeliveryEvent)]
        found = await rows.read(connection, ((e.workspace, e.message) for e in events))
        strangers = {
            (e.workspace, e.contact)
            for e in events
            if not (row := found.get((e.workspace, e.message))) or not row.address
        }
        known = await contacts.read_contacts(connection, strangers)
        state = State(work.partition, found, dict(found), known, {})
        addresses = ((e.workspace, state.address(e)) for e in events if _concerns_bounces(e))
        state.bounces = await contacts.read_bounces(connection, addresses)
        if len(events) < len(said):
            state.mark = (await marks.read(connection)).get(work.partition)
        return state

    def decide(self, state: State, work: Work) -> list[Outgoing]:
        out: list[Outgoing] = []
        for received in work.messages:
            event: DeliveryEvent | FeedMark = received.message
            if isinstance(event, FeedMark):
                state.mark = newer(state.mark, Mark(event.fence, event.until))
                continue
            key = (event.workspace, event.message)
            step = transition(state.after.get(key), event, work.time)
            if step.row is not None:
                state.after[key] = step.row
                if step.announce is not None:
                    told = step.announce.about(step.row)
                    out.append(Outgoing.to_contact(topics.DELIVERY_EVENTS, told.contact, told))
            if event.event == "Sent" and event.source == "ses" and step.row and step.row.started_at:
                state.started.append(step.row.started_at)
            _heed(state, event)
        return out

    async def write(self, connection: asyncpg.Connection, state: State) -> None:
        await rows.write(connection, state.before, state.after)
        if state.mark is not None:
            await marks.write(connection, state.partition, state.mark)
        await contacts.write_bounces(connection, (state.bounces[key] for key in state.changed))
        await contacts.write_suppressions(connection, state.suppressions)
        await contacts.lift_suppressions(connection, state.lifts)
        now = datetime.now(UTC)
        for started in state.started:
            metrics.NOTIFICATION_LAG.observe((now - started).total_seconds())


def _concerns_bounces(event: DeliveryEvent) -> bool:
    return event.event == "Delivered" or soft.soft_points(event) > 0


def _heed(state: State, event: DeliveryEvent) -> None:
    """Suppress at once, or count points."""
    address = state.address(event)
    state.suppressions += soft.suppressions(event, address)
    state.lifts += soft.lifts(event, address)
    if event.event in ("Unsubscribed", "Subscribed"):  # for an address changed since, too
        itself = contact_suppression_key(event.contact)
        state.suppressions += soft.suppressions(event, itself)
        state.lifts += soft.lifts(event, itself)
    key = (event.workspace, address)
    points = soft.soft_points(event)
    known = state.bounces.get(key)
    if points:
        known = known or Bounces(workspace=event.workspace, address=address)
        now = soft.bounced(known, event.at, points)
        state.suppressions += soft.given_up(now, event.at)
    elif known is not None and event.event == "Delivered":
        now = soft.delivered(known, event.at)
    else:
        return
    if now != known or key not in state.bounces:
        state.bounces[key] = now
        state.changed.add(key)
