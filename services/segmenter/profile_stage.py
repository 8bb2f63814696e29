"""Stage profile: identified-events and delivery-events in; contact-events and changes out.

The catalogue goes the same way: each message is a contact's, a product's or an inventory item's.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import structlog
from msgspec.structs import replace

from services.segmenter.adapters import profile_rows as rows
from services.segmenter.adapters.profile_rows import Contact, Line
from services.segmenter.adapters.published import Published
from services.segmenter.catalogue import KINDS, Catalogue
from services.segmenter.domain import consent
from services.segmenter.domain.definitions import NOTHING, Definitions
from services.segmenter.domain.profile import fresh, relearned, transition, wakes_at
from services.segmenter.domain.state import ContactState, unpack
from services.segmenter.domain.steps import Due, Input
from services.segmenter.profile_messages import (
    addressee,
    all_of,
    instant,
    lines,
    outgoing,
    repeat_id,
)
from shared.conditions import Occurrence
from shared.contracts import (
    DeliveryEvent,
    FeedMark,
    IdentifiedEvent,
    ProfileHandedOver,
    plain,
)
from shared.contracts.codec import encode
from shared.contracts.stages import PROFILE
from shared.db import timers
from shared.db.timers import Timer
from shared.definitions import Registry
from shared.kafka.records import Outgoing, Work

log = structlog.get_logger()
MAX_PROFILE_BYTES = 64_000


class Refused(ValueError):  # noqa: N818  named for the fact
    """This event cannot be taken into the profile; the text names the field and the fix."""


@dataclass(slots=True)
class Batch:
    """The batch's contacts as stored and as they became."""

    published: dict[str, Definitions]
    stored: dict[Contact, ContactState]
    known: set[tuple[str, str, str]]
    past: dict[Contact, list[Occurrence]]
    where: tuple[int, int]
    now: datetime
    woken: set[Contact]
    states: dict[Contact, ContactState] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    catalogue: Catalogue = field(default_factory=Catalogue)

    def definitions(self, workspace: str) -> Definitions:
        return self.published.get(workspace, NOTHING)


class ProfileStage:
    """`read`, `decide`, `write` of the one loop around the pure core."""

    spec = PROFILE

    def __init__(self, registry: Registry) -> None:
        self._published = Published(registry)
        self._walked: dict[tuple[int, str], str] = {}  # partition, workspace -> digest

    async def read(self, connection: asyncpg.Connection, work: Work) -> Batch:
        """Contacts, which of their messages are known, and history where it is asked for."""
        published = dict(self._published.all())
        woken = {(t.workspace, t.contact) for t in work.timers}
        said = [received.message for received in work.messages]
        messages = [m for m in said if not isinstance(m, (*KINDS, FeedMark))]
        stored = await rows.load(connection, {addressee(m) for m in messages} | woken)
        asked = {
            (m.workspace, contact, repeat_id(m))
            for m in messages
            if isinstance(m, IdentifiedEvent | DeliveryEvent)
            for contact in all_of(stored.get(addressee(m)), m.contact)
        }
        known = await rows.recorded(connection, asked) if asked else set()
        batch = Batch(
            published,
            stored,
            known,
            {},
            (work.partition, work.partitions),
            work.time,
            woken,
        )
        if len(messages) < len(said):
            await batch.catalogue.read(connection, [m for m in said if isinstance(m, KINDS)])
        names = sorted({n for d in published.values() for n in d.names()})
        stale = set(_stale(batch, messages))
        if stale:
            batch.past = await rows.remembered(connection, stale, names)
        return batch

    def decide(self, batch: Batch, work: Work) -> list[Outgoing]:
        """Messages in partition order, then what is due by the horizon."""
        out: list[Outgoing] = []
        for received in work.messages:
            if isinstance(received.message, KINDS):
                out += batch.catalogue.take(received.message)
            elif not isinstance(received.message, FeedMark):  # that is the sender's
                out += self._take(batch, received.message)
        for timer in work.timers:
            now = max(timer.due_at, work.horizon or timer.due_at)
            out += self._turn(batch, (timer.workspace, timer.contact), Due(), now)
        return out

    def _take(self, batch: Batch, message: Input) -> list[Outgoing]:
        if isinstance(message, IdentifiedEvent | DeliveryEvent):
            contact = addressee(message)
            known = batch.states.get(contact) or batch.stored.get(contact)
            said = repeat_id(message)
            for whose in all_of(known, contact[1]):
                if (contact[0], whose, said) in batch.known:
                    return []
        if isinstance(message, IdentifiedEvent):
            check(message)
        if isinstance(message, ProfileHandedOver):
            message = _relearned_loser(batch, message)
        return self._turn(batch, addressee(message), message, instant(message))

    def _turn(self, batch: Batch, contact: Contact, given: Input, now: datetime) -> list[Outgoing]:
        definitions = batch.definitions(contact[0])
        before = batch.states.get(contact) or batch.stored.get(contact)
        if before is None:
            before = fresh(*contact, definitions)
        if before.kept != definitions.kept and not before.merged_into:
            before = relearned(before, _past(batch, before), definitions)
        after, effects = transition(before, given, definitions, now)
        if isinstance(given, IdentifiedEvent) and after.given is not before.given:
            _check_size(after)
        batch.states[contact] = after
        for line in lines(effects):
            batch.lines.append(line)
            batch.known.add(line[:3])
        return [outgoing(effect) for effect in effects]

    async def write(self, connection: asyncpg.Connection, batch: Batch) -> None:
        """Contacts, history, members, timers; then the next who answer to new definitions."""
        digests = {w: batch.definitions(w).digest for w, _ in batch.states}
        if batch.states:
            await rows.save(connection, batch.states.values(), digests, batch.now)
        if batch.lines:
            await rows.record(connection, batch.lines)
        await rows.change_members(connection, *_members(batch))
        moved = {c for c in batch.states if c in batch.woken or _due(batch, c)}
        if moved:
            await timers.replace(connection, sorted(moved), _timers(batch, moved))
        await batch.catalogue.write(connection, batch.now)
        await self._walk(connection, batch)

    async def _walk(self, connection: asyncpg.Connection, batch: Batch) -> None:
        """Definitions changed: contacts who do not move by themselves are made due, some a batch.

        Remembered only when none is left, so a batch that is rolled back forgets nobody.
        """
        for workspace, definitions in batch.published.items():
            at = (batch.where[0], workspace)
            if self._walked.get(at) == definitions.digest:
                continue
            found = await rows.make_due(
                connection, batch.where, workspace, definitions.digest, batch.now
            )
            if not found:
                self._walked[at] = definitions.digest


def check(message: IdentifiedEvent) -> None:
    """Raises Refused when what it says of consent cannot be understood."""
    _, wrong = consent.read(message.event.traits, message.event.at)
    if wrong:
        raise Refused("; ".join(wrong))


def _check_size(state: ContactState) -> None:
    size = len(encode(state.given))
    if size > MAX_PROFILE_BYTES:
        raise Refused(f"traits: {size} bytes, at most {MAX_PROFILE_BYTES}; send fewer or shorter")


def _stale(batch: Batch, messages: Iterable[Input]) -> Iterable[Contact]:
    """Whose history is needed, because other aggregates are kept now than then."""
    for (workspace, contact), state in batch.stored.items():
        if state.kept != batch.definitions(workspace).kept and not state.merged_into:
            for whose in all_of(state, contact):
                yield workspace, whose
    for message in messages:
        if not isinstance(message, ProfileHandedOver):
            continue
        if message.state.get("kept", "") != batch.definitions(message.workspace).kept:
            for whose in all_of(unpack(message.state), message.loser):
                yield message.workspace, whose


def _past(batch: Batch, state: ContactState) -> Iterable[Occurrence]:
    for whose in all_of(state, state.contact):
        yield from batch.past.get((state.workspace, whose), ())


def _relearned_loser(batch: Batch, message: ProfileHandedOver) -> ProfileHandedOver:
    definitions = batch.definitions(message.workspace)
    if message.state.get("kept", "") == definitions.kept:
        return message
    loser = unpack(message.state)
    state = plain(relearned(loser, _past(batch, loser), definitions))
    return replace(message, state=state)


def _members(
    batch: Batch,
) -> tuple[list[tuple[str, str, str, datetime]], list[tuple[str, str, str]]]:
    joined, left = [], []
    for (workspace, contact), state in batch.states.items():
        before = batch.stored.get((workspace, contact))
        was = before.segments if before else {}
        if was == state.segments:
            continue
        joined += [(workspace, s, contact, at) for s, at in state.segments.items() if s not in was]
        left += [(workspace, s, contact) for s in was if s not in state.segments]
    return joined, left


def _due(batch: Batch, contact: Contact) -> bool:
    before = batch.stored.get(contact)
    return wakes_at(batch.states[contact]) != (wakes_at(before) if before else None)


def _timers(batch: Batch, contacts: Iterable[Contact]) -> list[Timer]:
    due = ((c, wakes_at(batch.states[c])) for c in sorted(contacts))
    return [Timer(*contact, at) for contact, at in due if at is not None]
