"""Two contacts become one: the loser hands over all it has, the winner takes it in."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.orchestrator.domain import keys, sending, steps, story
from services.orchestrator.domain.journeys import Journeys
from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.state import (
    BORROWED,
    Candidate,
    ContactState,
    Run,
    a_strangers,
    empty,
    unpack,
)
from services.orchestrator.domain.turn import Effect, Turn
from shared.contracts import ContactsMerged, Profile, RunsHandedOver, plain

MERGED = "merged"
PATIENCE = timedelta(days=1)
"""How long what belongs to a merge waits for the other half; seconds, in fact."""


def hand_over(state: ContactState, given: ContactsMerged) -> tuple[ContactState, list[Effect]]:
    """The loser's side: it becomes a redirect. A repeat, or a merge with itself, is ignored."""
    if state.merged_into or given.winner == state.contact or given.loser != state.contact:
        return state, []
    packed: dict[str, Any] = plain(state)
    message = RunsHandedOver(
        workspace=state.workspace,
        contact=given.winner,
        loser=state.contact,
        at=given.at,
        state=packed,
        profile=state.profile,
    )
    left = msgspec.structs.replace(empty(state.workspace, state.contact), merged_into=given.winner)
    return left, [] if state.blank else [message]


def forward(state: ContactState, given: RunsHandedOver) -> list[Effect]:
    """What comes for a redirect goes on to whom it became."""
    return [msgspec.structs.replace(given, contact=state.merged_into)]


def crossed(state: ContactState, given: RunsHandedOver) -> bool:
    """Each was told to become the other: the smaller id stays, or it would go round for ever."""
    return state.merged_into == given.loser and state.contact < given.loser


def take_in(turn: Turn, given: RunsHandedOver) -> None:
    """The winner's side. Raises msgspec.ValidationError for a state that cannot be read."""
    theirs = unpack(given.state)
    if turn.profile is None and theirs.profile is not None:
        # Versions are each contact's own: the sender must not wait for the loser's.
        turn.profile = msgspec.structs.replace(theirs.profile, version=BORROWED)
        turn.profile_until = turn.now + PATIENCE
    turn.rings = keys.united(turn.rings, theirs.rings)
    turn.exits += [m for m in theirs.exits if m not in turn.exits and m.until > turn.now]
    turn.entries += [m for m in theirs.entries if m not in turn.entries and not m.over(turn.now)]
    turn.candidates += theirs.candidates
    turn.unjudged += [fact for fact in theirs.unjudged if fact not in turn.unjudged]
    if theirs.waiting:
        turn.waiting += theirs.waiting
        turn.waits_until = turn.now
    for run in theirs.runs:
        ours = turn.runs.get(run.id)
        turn.runs[run.id] = run if ours is None else max(ours, run, key=_distance)
    settle(turn)


def take_profile(
    state: ContactState, profile: Profile, journeys: Journeys, now: datetime
) -> tuple[ContactState, list[Effect]]:
    """The winner's profile is now both's. It is kept for a while though nothing waits for it:
    what the loser hands over comes by another way, sooner or later than this.
    """
    turn = Turn(state, journeys, now, "merge")
    turn.profile, turn.profile_until = profile, now + PATIENCE
    sending.reconsider(turn)
    return turn.done()


def awaits_profile(turn: Turn) -> bool:
    """A stranger's cart is not judged by a stranger's profile: the winner's is on its way."""
    until = turn.profile_until
    return until is not None and until > turn.now and a_strangers(turn.profile)


def settle(turn: Turn) -> None:
    """After keys or contacts were joined: one candidate and one live run a key, at most."""
    for journey in turn.journeys.every():
        if turn.journeys.newest(journey.id) is journey:
            _widen(turn, journey)
            _join_candidates(turn, journey)
            _join_runs(turn, journey)


def _widen(turn: Turn, journey: Journey) -> None:
    fields = journey.trigger.key
    if len(fields) < 2:  # noqa: PLR2004 - a ring needs two fields
        return
    for run in list(turn.runs.values()):
        if run.journey == journey.id:
            wide = keys.widened(turn.rings, fields, run.keys)
            if wide != run.keys:
                turn.keep(run, keys=wide)
    for index, candidate in enumerate(turn.candidates):
        if candidate.journey == journey.id:
            wide = keys.widened(turn.rings, fields, candidate.keys)
            turn.candidates[index] = msgspec.structs.replace(candidate, keys=wide)
    for index, memory in enumerate(turn.entries):
        if memory.journey == journey.id:
            wide = keys.widened(turn.rings, fields, memory.keys)
            turn.entries[index] = msgspec.structs.replace(memory, keys=wide)


def _join_candidates(turn: Turn, journey: Journey) -> None:
    mine = [c for c in turn.candidates if c.journey == journey.id]
    if len(mine) < 2:  # noqa: PLR2004 - nothing to join
        return
    others = [c for c in turn.candidates if c.journey != journey.id]
    joined: list[Candidate] = []
    for candidate in sorted(mine, key=lambda c: (c.first_at, c.message)):
        new = candidate
        for known in [k for k in joined if keys.one_story(k.keys, new.keys)]:
            joined.remove(known)
            new = _together(known, new)
        joined.append(new)
    turn.candidates = others + joined


def _together(first: Candidate, second: Candidate) -> Candidate:
    return msgspec.structs.replace(
        first,
        story=story.united(first.story, second.story),
        due_at=max(first.due_at, second.due_at),
        keys=keys.ordered(first.keys, second.keys),
    )


def _distance(run: Run) -> tuple[bool, int, float, str]:
    """How far a run is: over is furthest, then by steps taken, then the earlier, then the id."""
    return not run.live, run.taken, -run.entered_at.timestamp(), run.id


def _join_runs(turn: Turn, journey: Journey) -> None:
    """Of runs that are one story the furthest goes on; the rest exit `merged`."""
    mine = [r for r in turn.runs.values() if r.journey == journey.id and r.exited != MERGED]
    mine.sort(key=_distance, reverse=True)
    kept: list[Run] = []
    for run in mine:
        further = next((k for k in kept if _one_story(journey, k, run)), None)
        if run.live and (further is not None or _entered_before(turn, journey, run)):
            steps.leave(turn, run, MERGED)
            # It never was: it counts for no goal and keeps nobody out.
            turn.keep(turn.runs[run.id], goal_until=None)
            turn.entries = [memory for memory in turn.entries if memory.run != run.id]
        else:
            kept.append(run)


def _one_story(journey: Journey, ours: Run, theirs: Run) -> bool:
    if journey.reentry.kind == "once":
        return True
    if journey.reentry.kind == "after_period":
        apart = abs(ours.entered_at - theirs.entered_at)
        same = not journey.reentry.each_key or keys.one_story(ours.keys, theirs.keys)
        return same and (apart < journey.reentry.period or (ours.live and theirs.live))
    if not ours.live and journey.reentry.kind == "every_time":
        return False
    return keys.together(ours.keys, theirs.keys)


def _entered_before(turn: Turn, journey: Journey, run: Run) -> bool:
    """Whether the other contact had been through this, in a run that is forgotten by now."""
    for memory in turn.entries:
        forgotten = memory.journey == journey.id and memory.run not in turn.runs
        forgotten = forgotten and not memory.over(run.entered_at)
        reentry = journey.reentry
        alike = keys.one_story if reentry.each_key else keys.together
        if forgotten and (not reentry.by_key or alike(memory.keys, run.keys)):
            return True
    return False
