"""A run's beginning: what is kept of it, under which id, and for the re-entry rule."""

from datetime import timedelta

from services.orchestrator.domain import keys, steps
from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.state import EntryMemory, Run, Story
from services.orchestrator.domain.turn import Turn
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
