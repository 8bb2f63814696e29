"""A run's beginning and end, and what events mean to runs that are under way."""

from datetime import datetime, timedelta
from typing import Any

from services.orchestrator.domain import keys, steps
from services.orchestrator.domain.model import EventRule, Goal, Journey
from services.orchestrator.domain.state import EntryMemory, ExitMemory, Run, Story
from services.orchestrator.domain.turn import Turn
from shared.conditions import matches
from shared.conditions.values import amount
from shared.contracts import Event
from shared.contracts.keys import run_id

KEY_REMEMBERED = timedelta(days=365)


def enter(turn: Turn, journey: Journey, values: keys.Keys, story: Story, message: str) -> None:
    """A contact enters: all checks have been passed. `message` began the story."""
    per_key = journey.reentry.kind == "per_key" and bool(values)
    key = values[0] if values else ""
    goal = journey.goal
    run = Run(
        id=run_id(turn.workspace, journey.id, turn.contact, key if per_key else message),
        journey=journey.id,
        version=journey.version,
        key=key,
        keys=values,
        entered_at=turn.now,
        triggered_at=story.at,
        node=journey.first,
        since=turn.now,
        transactional=journey.transactional,
        story=story,
        goal_until=turn.now + goal.within if goal else None,
    )
    turn.runs[run.id] = run
    if journey.reentry.kind != "every_time":
        turn.entries.append(_memory(journey, run))
    turn.tell(run, "entered", at=turn.now)
    turn.note(run, "entered", started_by=message, key=key, triggered_at=story.at)
    steps.begin(turn, run)


def _memory(journey: Journey, run: Run) -> EntryMemory:
    kind, at = journey.reentry.kind, run.entered_at
    periods = {"once": None, "after_period": journey.reentry.period, "per_key": KEY_REMEMBERED}
    period = periods[kind]
    return EntryMemory(
        journey=journey.id,
        run=run.id,
        at=at,
        keys=run.keys,
        until=None if period is None else at + period,
    )


def note_exits(turn: Turn, event: Event) -> None:
    """End what the event ends, and remember it for trigger events that are yet to come."""
    for journey in turn.journeys.every():
        for number, rule in enumerate(journey.exit_when):
            if _is(rule, event):
                _exit_by(turn, journey, rule, event)
                _remember(turn, journey, number, event)


def _is(rule: EventRule, event: Event) -> bool:
    return rule.event == event.name and matches(rule.where, event.properties)


def _exit_by(turn: Turn, journey: Journey, rule: EventRule, event: Event) -> None:
    values = turn.values(event, journey.trigger.key)
    for run in turn.live_runs():
        if (run.journey, run.version) != (journey.id, journey.version):
            continue
        if run.triggered_at <= event.at and keys.about(rule, run.keys, values):
            steps.leave(turn, run, rule.event)
    if turn.journeys.newest(journey.id) is not journey:
        return
    for candidate in list(turn.candidates):
        ours = candidate.journey == journey.id and candidate.story.at <= event.at
        if ours and keys.about(rule, candidate.keys, values):
            turn.candidates.remove(candidate)
            key = candidate.keys[0] if candidate.keys else ""
            turn.refuse(journey, "converted", key, event=event.name)


def _remember(turn: Turn, journey: Journey, number: int, event: Event) -> None:
    if turn.journeys.newest(journey.id) is not journey:
        return
    at = min(event.at, turn.now)
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
        if memory.journey != journey.id or memory.at < at or memory.message == message:
            continue
        if memory.rule < len(journey.exit_when):
            rule = journey.exit_when[memory.rule]
            known = keys.widened(turn.rings, journey.trigger.key, memory.keys)
            if rule.event == memory.event and keys.about(rule, values, known):
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
    """The money: the property the goal names, or the order's total where the shop gives no other."""
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
        for node, rule in journey.event_waits() if journey else ():
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
            key = candidate.keys[0] if candidate.keys else ""
            turn.refuse(newest, "converted", key, event=by)
