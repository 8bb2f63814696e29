"""What journeys made of one event, in words, and why those made nothing of it that might have.

For whoever asks why nothing happens: silence has words too.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from services.orchestrator.domain.explain import told
from services.orchestrator.domain.journeys import Journeys
from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.state import Decision
from services.orchestrator.domain.transition import cause_of
from shared.contracts import SegmentChanged
from shared.contracts.events import Origin
from shared.hints import did_you_mean
from shared.instants import instant

_LIKE = 0.8  # a slip of the keys; "Order Updated" is no way to write "Order Completed"


class Happened(msgspec.Struct, frozen=True):
    """An event as it came: of `contact`, who was `was` at the time; what its segments did."""

    message_id: str
    name: str
    received_at: datetime
    contact: str
    was: str = ""
    origin: Origin = "live"
    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def contacts(self) -> set[str]:
        return {self.contact, self.was} - {""}

    @property
    def causes(self) -> set[str]:
        """What stands as a decision's input: the event itself, and what its segments did."""
        moved = [(s, "entered") for s in self.entered] + [(s, "left") for s in self.left]
        changes = [_change(segment, change, self.received_at) for segment, change in moved]
        return {self.message_id, *map(cause_of, changes)}


class Waiting(msgspec.Struct, frozen=True):
    """A candidate: the quiet time of a journey that has begun and is not over."""

    contact: str
    journey: str
    message: str
    first_at: datetime
    due_at: datetime


class Going(msgspec.Struct, frozen=True):
    """A run, from when to when."""

    contact: str
    journey: str
    run: str
    entered_at: datetime
    exited_at: datetime | None = None


class Traces(msgspec.Struct, frozen=True):
    """What there is of some contacts."""

    decisions: Sequence[Decision] = ()
    waiting: Sequence[Waiting] = ()
    runs: Sequence[Going] = ()


What = Literal["decided", "waiting", "continued", "silent"]


class Reaction(msgspec.Struct, frozen=True):
    """`words` without the journey's name. `reason`: of a decision, as `explain` has it.

    `message`: the mail that it asks for.
    """

    journey: str
    what: What
    words: str
    run: str = ""
    reason: str = ""
    message: str = ""


def listening(journeys: Journeys, happened: Happened) -> list[Journey]:
    """Those with a trigger that names the event or what its segments did."""
    found = {j.id: j for j in journeys.started_by_event(happened.name)}
    for segments, change in ((happened.entered, "entered"), (happened.left, "left")):
        for segment in segments:
            for journey in journeys.started_by_segment(segment):
                if journey.trigger.change == change:
                    found[journey.id] = journey
    return [found[name] for name in sorted(found)]


def heeding(journeys: Journeys, happened: Happened) -> set[str]:
    """The journeys with runs that the event may end, take further or bring to their goal."""
    return {j.id for j in journeys.every() if happened.name in _heeds(j)}


def _heeds(journey: Journey) -> set[str]:
    rules = [*journey.exit_when, *(rule for _, rule in journey.event_waits)]
    rules += [journey.goal.rule] if journey.goal else []
    return {rule.event for rule in rules}


def reactions(
    journeys: Journeys, happened: Happened, traces: Traces, *, passed: bool
) -> tuple[list[Reaction], bool]:
    """And whether that is all. `passed`: what was received when the event was has been dealt with,
    so silence means something.
    """
    found = list(_decided(journeys, happened, traces.decisions))
    spoken = {reaction.journey for reaction in found}
    silent: list[Reaction] = []
    for journey in listening(journeys, happened):
        if journey.id in spoken:
            continue
        going = _waiting(happened, journey.id, traces.waiting) or _continued(
            happened, journey.id, traces.runs
        )
        if going:
            found.append(going)
        else:
            silent.append(Reaction(journey.id, "silent", _silence(happened, journey)))
    if passed:
        return found + silent, True
    unheard = heeding(journeys, happened) - spoken
    return found, not silent and not any(_is_open(happened, name, traces) for name in unheard)


def nobody_listens(journeys: Journeys, happened: Happened) -> str:
    """Words for an event that no trigger names; empty if one does, or if it has no name."""
    if not happened.name or listening(journeys, happened):
        return ""
    words = f"no running journey is triggered by '{happened.name}'"
    ends = sorted({journey.id for journey, _ in journeys.ended_by(happened.name)})
    if ends:
        return f"{words}; it may end runs of {', '.join(ends)}"
    known = {name for j in journeys.newest_of_all() for name in (*j.trigger.events, *_heeds(j))}
    near = did_you_mean(happened.name, known, likeness=_LIKE)
    return f"{words}; {near}" if near else words


def _decided(
    journeys: Journeys, happened: Happened, decisions: Iterable[Decision]
) -> Iterable[Reaction]:
    for d in decisions:
        started = d.detail.get("started_by") == happened.message_id
        if d.contact in happened.contacts and (d.input in happened.causes or started):
            words = told(d, journeys.newest(d.journey))
            message = d.detail.get("message", "") if d.what == "send" else ""
            yield Reaction(d.journey, "decided", words, d.run, d.reason, message)


def _waiting(happened: Happened, journey: str, waiting: Iterable[Waiting]) -> Reaction | None:
    """The quiet time that the event began, or that it may have begun anew."""
    ours = [w for w in waiting if w.journey == journey and w.contact in happened.contacts]
    own = [w for w in ours if w.message == happened.message_id]
    for w in own or [w for w in ours if w.first_at <= happened.received_at < w.due_at]:
        words = f"waits until {instant(w.due_at)} whether it stays quiet"
        return Reaction(journey, "waiting", words)
    return None


def _continued(happened: Happened, journey: str, runs: Iterable[Going]) -> Reaction | None:
    for run in runs:
        if run.journey == journey and run.contact in happened.contacts and _was_in(happened, run):
            words = "is in it already: what it said goes into the mails that are yet to come"
            return Reaction(journey, "continued", words, run.run)
    return None


def _was_in(happened: Happened, run: Going) -> bool:
    over = run.exited_at is not None and run.exited_at <= happened.received_at
    return run.entered_at <= happened.received_at and not over


def _is_open(happened: Happened, journey: str, traces: Traces) -> bool:
    """Whether there still is something of it that the event may concern."""
    going: list[Going | Waiting] = [run for run in traces.runs if run.exited_at is None]
    going += traces.waiting
    return any(g.journey == journey and g.contact in happened.contacts for g in going)


def _silence(happened: Happened, journey: Journey) -> str:
    if happened.origin != "live":
        return "history starts nothing (X-Tuvi-Origin: import)"
    if journey.trigger.where.checks and journey.trigger.kind == "event":
        return "did not enter: the event is not what the trigger's `where` asks for"
    explain = f"`tuvi journeys explain {journey.id} --contact {happened.contact}`"
    if journey.trigger.kind == "quiet":
        return f"nothing was decided on it alone: its quiet time or run is over; {explain} has more"
    return f"nothing was decided: it was published later, or waits for a merge; {explain} has more"


def _change(segment: str, change: str, at: datetime) -> SegmentChanged:
    return SegmentChanged(segment=segment, change=change, at=at)  # type: ignore[arg-type]  # one of two
