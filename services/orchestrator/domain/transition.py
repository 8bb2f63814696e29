"""The orchestrator's core, total and pure: (state, input, journeys, now) -> (state, effects).

What handles what is the table at the end. "Ignored" is a result: an input that concerns nothing
gives the state back, without effects.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from services.orchestrator.domain import (
    catching_up,
    deliveries,
    endings,
    keys,
    merge,
    sending,
    steps,
    triggers,
    waiting_for_merge,
)
from services.orchestrator.domain.journeys import Journeys
from services.orchestrator.domain.state import Candidate, ContactState, Due, Input, Run
from services.orchestrator.domain.turn import Effect, Turn
from shared.contracts import (
    ContactEvent,
    ContactsMerged,
    DeliveryEvent,
    Event,
    RunsHandedOver,
    SegmentChanged,
)

Result = tuple[ContactState, list[Effect]]


def transition(state: ContactState, given: Input, journeys: Journeys, now: datetime) -> Result:
    """The contact's state after an input, and what follows from it.

    `now`: business time of the batch (of firing, for `Due`). Raises msgspec.ValidationError for
    a hand-over whose packed state cannot be read, and for nothing else.
    """
    return _HANDLERS[type(given)](state, given, journeys, now)


def _contact_event(
    state: ContactState, given: ContactEvent, journeys: Journeys, now: datetime
) -> Result:
    if state.merged_into:
        return state, []
    fact = given.event or given.delivery or given.segment
    if fact is None:
        return merge.take_profile(state, given.profile, journeys, now)
    if waiting_for_merge.must_wait(state, given):
        return waiting_for_merge.put_off(state, given, now), []
    if state.waiting:  # too many, or not live: nothing overtakes what has waited
        return _then(*_release(state, journeys, now), given, journeys, now)
    return _decide(state, given, journeys, now)


def _release(state: ContactState, journeys: Journeys, now: datetime) -> Result:
    """What has waited for a merge is decided, in the order in which it came."""
    effects: list[Effect] = []
    state, ready = waiting_for_merge.released(state)
    for given in ready:
        state, effects = _then(state, effects, given, journeys, now)
    return state, effects


def _then(
    state: ContactState,
    effects: list[Effect],
    given: ContactEvent,
    journeys: Journeys,
    now: datetime,
) -> Result:
    state, more = _decide(state, given, journeys, now)
    return state, effects + more


def _decide(state: ContactState, given: ContactEvent, journeys: Journeys, now: datetime) -> Result:
    fact = given.event or given.delivery or given.segment
    assert fact is not None  # noqa: S101  the caller has looked
    turn = Turn(state, journeys, now, cause_of(fact))
    turn.profile = given.profile
    catching_up.judge(turn)
    if isinstance(fact, Event):
        _store_event(turn, fact)
    elif getattr(fact, "origin", "live") == "live":
        if isinstance(fact, DeliveryEvent):
            deliveries.note(turn, fact, given.verdict)
        else:
            triggers.by_segment(turn, fact)
        _look(turn)
    sending.reconsider(turn)
    catching_up.put_by(turn, given)
    return turn.done()


def cause_of(fact: Event | DeliveryEvent | SegmentChanged) -> str:
    """What stands as the input of the decisions that are taken on it."""
    if isinstance(fact, Event):
        return fact.message_id
    if isinstance(fact, DeliveryEvent):
        return fact.fingerprint()
    return f"{fact.segment}:{fact.change}:{fact.at.isoformat()}"


def _store_event(turn: Turn, event: Event) -> None:
    """Order matters: what is over first, then what goes on, then what begins."""
    _note_keys(turn, event)
    if not event.name:
        return _look(turn) if event.origin == "live" else None
    if event.origin != "live":  # it may end something, never begin or wake
        return endings.note_exits(turn, event)
    endings.reach_goals(turn, event)
    endings.note_exits(turn, event)
    endings.hear(turn, event)
    _look(turn)
    triggers.by_event(turn, event)
    return None


def _note_keys(turn: Turn, event: Event) -> None:
    before = turn.rings
    for fields in turn.journeys.key_fields:
        values = keys.values_of(event.properties, fields)
        turn.rings = keys.note(turn.rings, fields, values, event.at, turn.now)
    if turn.rings != before:
        merge.settle(turn)


def _look(turn: Turn) -> None:
    """Whoever waits looks whether it has come."""
    for run in turn.live_runs():
        steps.look(turn, turn.runs[run.id])


def _merged(state: ContactState, given: ContactsMerged, _: Journeys, __: datetime) -> Result:
    return merge.hand_over(state, given)


def _handed_over(
    state: ContactState, given: RunsHandedOver, journeys: Journeys, now: datetime
) -> Result:
    if state.merged_into and not merge.crossed(state, given):
        return state, merge.forward(state, given)
    alive = msgspec.structs.replace(state, merged_into="")
    turn = Turn(alive, journeys, now, f"merge:{given.loser}")
    merge.take_in(turn, given)
    catching_up.judge(turn)
    endings.apply_memories(turn)
    sending.reconsider(turn)
    return turn.done()


def _due(state: ContactState, given: Due, journeys: Journeys, now: datetime) -> Result:
    if state.merged_into:
        return state, []
    effects: list[Effect] = []
    if waiting_for_merge.is_over(state, given):
        state, effects = _release(state, journeys, now)
    turn = Turn(state, journeys, now, "timer")
    catching_up.judge(turn)
    while (waiting := _first_due(turn, given)) is not None:
        if isinstance(waiting, Candidate):
            triggers.quiet(turn, waiting)
        else:
            steps.fire(turn, waiting, min(given.horizon, now))
    after, more = turn.done()
    return after, effects + more


def _first_due(turn: Turn, due: Due) -> Candidate | Run | None:
    """What has waited longest. Each step takes its run further, so there is an end to it."""
    horizon = min(due.horizon, turn.now)
    found: list[tuple[datetime, str, Candidate | Run]] = [
        (candidate.looks_at, candidate.message, candidate)
        for candidate in turn.candidates
        if due.transactional in (None, candidate.transactional) and not merge.awaits_profile(turn)
    ]
    for run in turn.live_runs():
        if run.due_at is not None and due.transactional in (None, run.transactional):
            resumed = run.held and not turn.journeys.why_held(run.journey, run.version)
            found.append((min(run.due_at, horizon) if resumed else run.due_at, run.id, run))
    ready = [entry for entry in found if entry[0] <= horizon]
    return min(ready, key=lambda entry: entry[:2])[2] if ready else None


_HANDLERS: dict[type, Callable[[ContactState, Any, Journeys, datetime], Result]] = {
    ContactEvent: _contact_event,  # events, deliveries, segments: with the profile after them
    ContactsMerged: _merged,  # we are the loser
    RunsHandedOver: _handed_over,  # we are the winner, or a redirect on the way to it
    Due: _due,  # time has passed
}
