"""Who enters: events, quiet after events, segments. Refusals are results and have a reason."""

from datetime import datetime

import msgspec

from services.orchestrator.domain import endings, keys, runs, story
from services.orchestrator.domain.consent import why_not_mailed
from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.state import LOOK_AGAIN, MAX_CANDIDATES, Candidate, Run, Story
from services.orchestrator.domain.turn import Turn
from shared.conditions import evaluate, matches
from shared.contracts import Event, SegmentChanged

MAX_LIVE_RUNS = 20
"""Of one contact: more means a shop's fault, such as a key that is new with every event."""


def by_event(turn: Turn, event: Event) -> None:
    """An event starts a run, or a candidate, or adds to the story of one."""
    for journey in turn.journeys.started_by_event(event.name):
        trigger = journey.trigger
        values = turn.values(event, trigger.key)
        at = min(event.at, event.received_at, turn.now)
        if trigger.kind == "event" and not matches(trigger.where, event.properties):
            continue
        if trigger.kind == "quiet" and _continue_story(turn, journey, values, at, event):
            continue
        key = values[0] if values else ""
        if turn.now - at > trigger.max_age:
            turn.refuse(journey, "too_old", key)
        elif by := endings.converted(turn, journey, values, at, event.message_id):
            turn.refuse(journey, "converted", key, event=by)
        elif trigger.kind == "quiet":
            _wait_for_quiet(turn, journey, values, at, event)
        else:
            told = story.begin(at, event.properties, trigger.where)
            ask_in(turn, journey, values, told, event.message_id)


def _continue_story(
    turn: Turn, journey: Journey, values: keys.Keys, at: datetime, event: Event
) -> bool:
    """More of what a live run was started by: its next mails show it. True if there is one."""
    for run in turn.live_runs():
        if run.journey == journey.id and keys.together(run.keys, values):
            told = story.further(run.story, at, event.properties, journey.trigger.where)
            turn.keep(run, story=told)
            return True
    return False


def _wait_for_quiet(
    turn: Turn, journey: Journey, values: keys.Keys, at: datetime, event: Event
) -> None:
    trigger = journey.trigger
    known = _candidate(turn, journey.id, values)
    if known is None:
        told = story.begin(at, event.properties, trigger.where)
        known = Candidate(
            journey=journey.id,
            message=event.message_id,
            first_at=at,
            due_at=at + trigger.quiet_for,
            story=told,
            keys=values,
            transactional=journey.transactional,
        )
    else:
        turn.candidates.remove(known)
        told = story.further(known.story, at, event.properties, trigger.where)
        known = msgspec.structs.replace(
            known,
            story=told,
            due_at=told.at + trigger.quiet_for,
            keys=keys.ordered(known.keys, values),
            first_at=min(known.first_at, at),
        )
    turn.candidates.append(known)
    while len(turn.candidates) > MAX_CANDIDATES:
        oldest = min(turn.candidates, key=lambda c: (c.first_at, c.journey, c.message))
        turn.candidates.remove(oldest)
        gone = turn.journeys.newest(oldest.journey)
        if gone is not None:
            key = oldest.keys[0] if oldest.keys else ""
            turn.refuse(gone, "over_run_limit", key, started_by=oldest.message)


def _candidate(turn: Turn, journey: str, values: keys.Keys) -> Candidate | None:
    for candidate in turn.candidates:
        if candidate.journey == journey and keys.one_story(candidate.keys, values):
            return candidate
    return None


def by_segment(turn: Turn, change: SegmentChanged) -> None:
    """Entering or leaving a segment starts a run; not when a definition's change did it."""
    if change.backfill:
        return
    for journey in turn.journeys.started_by_segment(change.segment):
        if journey.trigger.change != change.change:
            continue
        if turn.now - change.at > journey.trigger.max_age:
            turn.refuse(journey, "too_old")
        elif by := endings.converted(turn, journey, (), change.at):
            turn.refuse(journey, "converted", event=by)
        else:
            ask_in(turn, journey, (), Story(at=min(change.at, turn.now)), turn.cause)


def quiet(turn: Turn, candidate: Candidate) -> None:
    """It stayed quiet: the candidate becomes a run, or is refused."""
    turn.candidates.remove(candidate)
    journey = turn.journeys.newest(candidate.journey)
    if journey is None:
        if turn.journeys.unknown(candidate.journey):
            later = turn.now + LOOK_AGAIN
            turn.candidates.append(msgspec.structs.replace(candidate, put_off=later))
        return
    told, began = candidate.story, candidate.message
    key = candidate.keys[0] if candidate.keys else ""
    if turn.now - candidate.due_at > journey.trigger.max_age:
        turn.refuse(journey, "too_old", key, started_by=began)
    elif by := endings.converted(turn, journey, candidate.keys, told.at):
        turn.refuse(journey, "converted", key, event=by, started_by=began)
    elif not story.holds(journey.trigger.where, told):
        turn.pass_over(journey, "where", key=key, started_by=began)
    else:
        ask_in(turn, journey, candidate.keys, told, began)


def ask_in(turn: Turn, journey: Journey, values: keys.Keys, told: Story, message: str) -> None:
    """All that is asked at the door, the journey's own affairs first."""
    reason = (
        ("journey_paused" if turn.journeys.paused(journey.id) else "")
        or _been_here(turn, journey, values)
        or _not_meant(turn, journey)
        or why_not_mailed(journey, turn.profile)
        or ("over_run_limit" if len(turn.live_runs()) >= MAX_LIVE_RUNS else "")
    )
    if reason:
        began = message if message != turn.cause else ""
        turn.refuse(journey, reason, values[0] if values else "", started_by=began)
    else:
        runs.enter(turn, journey, values, told, message)


def _been_here(turn: Turn, journey: Journey, values: keys.Keys) -> str:
    """The re-entry rule. Events without a key are one story as long as its run is live, or for
    the period.
    """
    if _inside(turn, journey, values) is not None:
        return "already_inside"
    reentry = journey.reentry
    alike = keys.one_story if reentry.each_key else keys.together
    for memory in turn.entries:
        if memory.journey == journey.id and (not reentry.by_key or alike(memory.keys, values)):
            return "already_entered"
    return ""


def _inside(turn: Turn, journey: Journey, values: keys.Keys) -> Run | None:
    """The live run that a second one would repeat."""
    reentry = journey.reentry
    alike = keys.one_story if reentry.by_key else keys.together
    at_all = reentry.kind in ("once", "after_period") and not reentry.each_key
    for run in turn.live_runs():
        if run.journey == journey.id and (at_all or alike(run.keys, values)):
            return run
    return None


def _not_meant(turn: Turn, journey: Journey) -> str:
    who, profile = journey.trigger.who, turn.profile
    if who is None or profile is None:
        return ""
    return "" if evaluate(who, turn.facts(profile), turn.now).holds else "not_in_audience"
