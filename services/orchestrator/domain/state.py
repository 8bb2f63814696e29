"""Everything the orchestrator knows of one contact: immutable, JSON and back without loss.

Lists are bounded and in a fixed order, so that the same facts are the same bytes.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from shared.contracts import (
    ContactEvent,
    ContactsMerged,
    DeliveryEvent,
    Event,
    Profile,
    RunsHandedOver,
)

BORROWED = 0  # a profile's version: contacts' own are 1 and more
MAX_RUNS = 200
MAX_CANDIDATES = 20
MAX_RINGS = 50
MAX_RING_VALUES = 20
MAX_EXITS = 100
MAX_ENTRIES = 200
MAX_UNJUDGED = 50
MAX_WAITING = 100
LOOK_AGAIN = timedelta(minutes=5)
"""How often what is held, put off or put by is looked at again, if nothing wakes it before."""


class Mail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message of a run. `contact` is whom its Send was addressed to, before any merge.

    `opened_at`, `clicked_at`: by a person, for the first time. `settled`: it was answered by
    Sent, Skipped or Failed, or withdrawn.
    """

    step: str
    message: str
    contact: str
    settled: bool = False
    opened_at: datetime | None = None
    clicked_at: datetime | None = None


class Story(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the trigger's events told: for templates (`event`, `cart`) and for `where` (`seen`).

    `event` are the newest event's properties, dated `at`. `seen` is, for each property that the
    trigger's `where` asks about, the newest event's that has it: [when, properties].
    """

    at: datetime
    event: dict[str, Any] = {}
    cart: dict[str, Any] = {}
    seen: dict[str, tuple[datetime, dict[str, Any]]] = {}


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One contact's way through one journey.

    `node`: where it is; not `begun`: it has arrived there but done nothing yet, or sleeps until
    quiet hours are over. `held`: it was
    due while its journey was paused or its version unknown, and goes on at the first `Due` after
    that. `since`: when the node before was done, from which delays and timeouts count. `due_at`:
    when it wants to be looked at; `timeout_at`: when the wait is over, or the mail no good.
    `taken`: how many steps are behind it. `heard`: by wait, the newest event it waits for.
    `exited`: the reason, once it is over; it is kept until `goal_until` for its conversion.
    """

    id: str
    journey: str
    version: int
    key: str
    keys: tuple[str, ...] = ()
    entered_at: datetime
    triggered_at: datetime
    node: str
    begun: bool = False
    held: bool = False
    since: datetime
    due_at: datetime | None = None
    timeout_at: datetime | None = None
    taken: int = 0
    variant: str = ""
    transactional: bool = False
    story: Story
    mails: tuple[Mail, ...] = ()
    heard: dict[str, datetime] = {}
    goal_until: datetime | None = None
    goal_at: datetime | None = None
    exited: str = ""
    exited_at: datetime | None = None

    @property
    def live(self) -> bool:
        return not self.exited


class Candidate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Trigger events of one key that may become a run at `due_at` if it stays quiet.

    `put_off`: it was due while its journey could not be read; then it asks again.
    """

    journey: str
    message: str
    first_at: datetime
    due_at: datetime
    story: Story
    keys: tuple[str, ...] = ()
    transactional: bool = False
    put_off: datetime | None = None

    @property
    def looks_at(self) -> datetime:
        return max(self.due_at, self.put_off or self.due_at)


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """Values of the key fields `of` that were seen together: one key, until `until`."""

    of: tuple[str, ...]
    values: tuple[str, ...]
    until: datetime


class ExitMemory(msgspec.Struct, frozen=True, kw_only=True):
    """An exit event of a journey, for trigger events that come after it but happened before."""

    journey: str
    event: str
    rule: int
    message: str
    at: datetime
    keys: tuple[str, ...]
    until: datetime


class EntryMemory(msgspec.Struct, frozen=True, kw_only=True):
    """That the contact entered, for re-entry rules; no `until`: for ever."""

    journey: str
    run: str
    at: datetime
    keys: tuple[str, ...]
    until: datetime | None = None

    def over(self, at: datetime) -> bool:
        """Whether it kept nobody out any more at this time."""
        return self.until is not None and self.until <= at


class Unjudged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came at `at` while a run or candidate was of a version not known here: an event, or
    the word about a mail.
    """

    at: datetime
    event: Event | None = None
    delivery: DeliveryEvent | None = None

    @property
    def order(self) -> tuple[datetime, str]:
        if self.event is not None:
            return self.event.received_at, self.event.message_id
        assert self.delivery is not None  # noqa: S101  one of them is set
        return self.delivery.received_at, self.delivery.fingerprint()


class ContactState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`profile` is the newest, kept only while a run or a candidate needs it.

    `unjudged`: the newest MAX_UNJUDGED, looked at again at `judge_at`. `waiting`: what came by a
    merge and after it, in order, until all from before `waits_until` is here. `merged_into`: the
    contact is a redirect and has nothing else.
    """

    workspace: str
    contact: str
    profile: Profile | None = None
    runs: tuple[Run, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    rings: tuple[Ring, ...] = ()
    exits: tuple[ExitMemory, ...] = ()
    entries: tuple[EntryMemory, ...] = ()
    merged_into: str = ""
    profile_until: datetime | None = None
    unjudged: tuple[Unjudged, ...] = ()
    judge_at: datetime | None = None
    waiting: tuple[ContactEvent, ...] = ()
    waits_until: datetime | None = None

    @property
    def blank(self) -> bool:
        """Nothing is known: its row need not exist."""
        return self == empty(self.workspace, self.contact)


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """Time has passed: all that was due by `horizon` may happen.

    `transactional`: only what is of that class of journeys; None: of both. A timer's row is
    `Due(horizon=timer.due_at, transactional=timer.transactional)`.
    """

    horizon: datetime
    transactional: bool | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was decided, for `explain`. `input`: a message's id, or `timer`."""

    workspace: str
    contact: str
    journey: str
    version: int
    at: datetime
    what: str
    run: str = ""
    reason: str = ""
    step: str = ""
    input: str = ""
    detail: dict[str, Any] = {}


class Wakes(NamedTuple):
    """When the contact wants to be woken, by class; None: not by time."""

    marketing: datetime | None
    transactional: datetime | None


Input = ContactEvent | ContactsMerged | RunsHandedOver | Due


def empty(workspace: str, contact: str) -> ContactState:
    """A contact of whom nothing is known."""
    return ContactState(workspace=workspace, contact=contact)


def unpack(data: object) -> ContactState:
    """A state from plain data, as a row or a hand-over has it. Raises msgspec.ValidationError."""
    return msgspec.convert(data, ContactState)


def a_strangers(profile: Profile | None) -> bool:
    """It came with what a merged contact had begun, and does not say how to reach anybody."""
    return profile is not None and profile.version == BORROWED and not profile.email


def wakes_at(state: ContactState) -> Wakes:
    """The next instants at which `Due` has something to do."""
    found: dict[bool, list[datetime]] = {False: [], True: []}
    until = state.profile_until
    if until is not None:
        found[False].append(until)
    if state.judge_at is not None:
        found[False].append(state.judge_at)
    if state.waits_until is not None:
        for times in found.values():
            times.append(state.waits_until)
    for candidate in state.candidates:
        late = until is not None and a_strangers(state.profile)
        due = max(candidate.looks_at, until) if late and until else candidate.looks_at
        found[candidate.transactional].append(due)
    for run in state.runs:
        at = run.due_at if run.live else run.goal_until
        if at is not None:
            found[run.transactional].append(at)
    return Wakes(min(found[False], default=None), min(found[True], default=None))
