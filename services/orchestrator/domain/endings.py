"""What ends runs and candidates, what counts as their goal, what they wait to hear.

An exit event ends what was started by events up to its own time; what was started by later ones
(the cart is filled again after the order) goes on.
"""

from datetime import datetime, timedelta
from typing import Any

from services.orchestrator.domain import keys, steps
from services.orchestrator.domain.model import EventRule, Goal, Journey
from services.orchestrator.domain.state import ExitMemory
from services.orchestrator.domain.turn import Turn
from shared.conditions import matches
from shared.conditions.values import amount
from shared.contracts import Event

CLOCKS_DIFFER = timedelta(minutes=5)
"""A shop's browsers and its backend may be so far apart. A buyer is not reminded for that: for
rules that match by key an exit event counts although it is dated so much too early.
"""


def note_exits(turn: Turn, event: Event, entered_before: datetime | None = None) -> None:
    """End what the event ends, and remember it for trigger events that are yet to come.

    `entered_before`: only runs that are as old (an event does not end what it has begun itself).
    """
    for journey, number in turn.journeys.ended_by(event.name):
        rule = journey.exit_when[number]
        if _is(rule, event):
            _exit_by(turn, journey, rule, event, entered_before)
            _remember(turn, journey, number, event)


def _is(rule: EventRule, event: Event) -> bool:
    return rule.event == event.name and matches(rule.where, event.properties)


def _ends(rule: EventRule, exit_at: datetime, story_at: datetime) -> bool:
    """Whether an exit event came after what it may end, as far as clocks can tell."""
    return story_at - exit_at <= (CLOCKS_DIFFER if rule.by_key else timedelta(0))


def _exit_by(
    turn: Turn, journey: Journey, rule: EventRule, event: Event, entered_before: datetime | None
) -> None:
    values = turn.values(event, journey.trigger.key)
    for run in turn.live_runs():
        if (run.journey, run.version) != (journey.id, journey.version):
            continue
        if entered_before is not None and run.entered_at >= entered_before:
            continue
        if _ends(rule, event.at, run.triggered_at) and keys.about(rule, run.keys, values):
            steps.leave(turn, run, rule.event)
    if turn.journeys.newest(journey.id) is not journey:
        return
    for candidate in list(turn.candidates):
        ours = candidate.journey == journey.id and candidate.message != event.message_id
        ours = ours and _ends(rule, event.at, candidate.story.at)
        if ours and keys.about(rule, candidate.keys, values):
            turn.candidates.remove(candidate)
            key, began = candidate.keys[0] if candidate.keys else "", candidate.message
            turn.refuse(journey, "converted", key, event=event.name, started_by=began)


def _remember(turn: Turn, journey: Journey, number: int, event: Event) -> None:
    if turn.journeys.newest(journey.id) is not journey:
        return
    at = min(event.at, turn.now)
    known = {(m.journey, m.rule, m.message) for m in turn.exits}
    if (journey.id, number, event.message_id) in known:
        return  # judged once more, see catching_up
    if turn.now - at < journey.trigger.max_age:
        turn.exits.append(
            ExitMemory(
                journey=journey.id,
                event=event.name,
                rule=number,
                message=event.message_id,
                at=at,
                keys=turn.values(event, journey.trigger.key),
                until=at + journey.trigger.max_age,
            )
        )


def converted(
    turn: Turn, journey: Journey, values: keys.Keys, at: datetime, message: str = ""
) -> str:
    """The exit event that came after `at`, if there is one: it ends what has not yet begun."""
    for memory in turn.exits:
        if memory.journey != journey.id or memory.message == message:
            continue
        if memory.rule < len(journey.exit_when):
            rule = journey.exit_when[memory.rule]
            known = keys.widened(turn.rings, journey.trigger.key, memory.keys)
            meant = rule.event == memory.event and keys.about(rule, values, known)
            if meant and _ends(rule, memory.at, at):
                return memory.event
    return ""


def reach_goals(turn: Turn, event: Event) -> None:
    """Count the event for every run it is the goal of, those that are over too."""
    for run in sorted(turn.runs.values(), key=lambda run: (run.entered_at, run.id)):
        journey = turn.journeys.of(run)
        goal = journey.goal if journey else None
        if journey is None or goal is None or run.goal_at is not None or run.goal_until is None:
            continue
        values = turn.values(event, journey.trigger.key)
        inside = run.entered_at <= event.at <= run.goal_until
        if inside and _is(goal.rule, event) and keys.about(goal.rule, run.keys, values):
            run = turn.keep(run, goal_at=event.at)  # noqa: PLW2901 - the same run, one fact on
            value = _worth(goal, event)
            turn.tell(run, "goal", at=event.at, reason=event.name, value=value)
            turn.note(run, "goal", reason=event.name, **value)


def _worth(goal: Goal, event: Event) -> dict[str, Any]:
    """The money: the property the goal names, or the order's total where that is not given."""
    for name in (goal.value, "total") if goal.value else ():
        found = amount(event.properties.get(name))
        if found is not None:
            currency = event.properties.get("currency")
            return {"amount": found, "currency": str(currency or ""), "property": name}
    return {}


def hear(turn: Turn, event: Event) -> None:
    """Note the event with every run that waits for it, or will."""
    for run in turn.live_runs():
        journey = turn.journeys.of(run)
        for node, rule in journey.event_waits if journey else ():
            values = turn.values(event, journey.trigger.key) if journey else ()
            if _is(rule, event) and keys.about(rule, run.keys, values):
                run = turn.runs[run.id]  # noqa: PLW2901 - it may have heard another just now
                last = max(event.at, run.heard.get(node, event.at))
                turn.keep(run, heard=run.heard | {node: last})


def apply_memories(turn: Turn) -> None:
    """After a merge: what either contact's exit events end in what the other had begun."""
    for run in turn.live_runs():
        journey = turn.journeys.of(run)
        by = converted(turn, journey, run.keys, run.triggered_at) if journey else ""
        if by:
            steps.leave(turn, run, by)
    for candidate in list(turn.candidates):
        newest = turn.journeys.newest(candidate.journey)
        by = converted(turn, newest, candidate.keys, candidate.story.at) if newest else ""
        if newest is not None and by:
            turn.candidates.remove(candidate)
            key, began = candidate.keys[0] if candidate.keys else "", candidate.message
            turn.refuse(newest, "converted", key, event=by, started_by=began)
