"""One transition while it is worked out: the state's parts, open, and the effects so far."""

from datetime import datetime
from typing import Any

import msgspec

from services.orchestrator.domain import keys
from services.orchestrator.domain.journeys import Journeys
from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.state import (
    LOOK_AGAIN,
    MAX_CANDIDATES,
    MAX_ENTRIES,
    MAX_EXITS,
    MAX_RUNS,
    MAX_UNJUDGED,
    Candidate,
    ContactState,
    Decision,
    Run,
    Unjudged,
)
from shared.conditions import AggregateState, Facts, states
from shared.contracts import (
    Event,
    JourneyEvent,
    Profile,
    RunsHandedOver,
    Send,
    Withdraw,
)

Effect = JourneyEvent | Send | Withdraw | RunsHandedOver | Decision


class Turn:
    """`cause`: the id of the message that is decided on, or `timer`."""

    def __init__(self, state: ContactState, journeys: Journeys, now: datetime, cause: str) -> None:
        self.before = state
        self.workspace, self.contact = state.workspace, state.contact
        self.journeys, self.now, self.cause = journeys, now, cause
        self.profile = state.profile
        self.profile_until = state.profile_until
        self.runs = {run.id: run for run in state.runs}
        self.candidates = list(state.candidates)
        self.rings = tuple(ring for ring in state.rings if ring.until > now)
        self.exits = [memory for memory in state.exits if memory.until > now]
        self.entries = [memory for memory in state.entries if not memory.over(now)]
        self.unjudged: list[Unjudged] = list(state.unjudged)
        self.waiting, self.waits_until = state.waiting, state.waits_until
        self.effects: list[Effect] = []

    def values(self, event: Event, fields: keys.Fields) -> keys.Keys:
        """The event's key values, with all that are one key with them."""
        return keys.widened(self.rings, fields, keys.values_of(event.properties, fields))

    def live_runs(self) -> list[Run]:
        """In a fixed order, so that effects come in one."""
        live = [run for run in self.runs.values() if run.live]
        return sorted(live, key=lambda run: (run.entered_at, run.id))

    def keep(self, run: Run, **changes: Any) -> Run:
        """The run with these changes, from now on."""
        changed = msgspec.structs.replace(run, **changes)
        self.runs[run.id] = changed
        return changed

    def facts(self, profile: Profile) -> Facts:
        """The profile as conditions see it."""
        return Facts(
            contact=self.contact,
            traits=profile.traits,
            consent={topic: consent.state for topic, consent in profile.consent.items()},
            segments=profile.segments.keys(),
            lists=profile.lists,
            aggregates=_aggregates(profile),
        )

    def tell(self, run: Run, kind: Any, *, at: datetime, **fields: Any) -> None:
        """A JourneyEvent of a run."""
        self.effects.append(
            JourneyEvent(
                workspace=self.workspace,
                contact=self.contact,
                journey=run.journey,
                version=run.version,
                run=run.id,
                key=run.key,
                kind=kind,
                at=at,
                **{"variant": run.variant, **fields},
            )
        )

    def note(self, run: Run, what: str, *, step: str = "", reason: str = "", **detail: Any) -> None:
        """A Decision of a run."""
        self._decide(run.journey, run.version, run.id, what, step, reason, detail)

    def refuse(self, journey: Journey, reason: str, key: str = "", **detail: Any) -> None:
        """Somebody does not enter: for the numbers and for `explain`."""
        self.effects.append(
            JourneyEvent(
                workspace=self.workspace,
                contact=self.contact,
                journey=journey.id,
                version=journey.version,
                kind="refused",
                at=self.now,
                reason=reason,
                key=key,
            )
        )
        self.pass_over(journey, reason, key=key, **detail)

    def pass_over(self, journey: Journey, reason: str, **detail: Any) -> None:
        """Somebody was never asked in: for `explain` only."""
        given = {name: value for name, value in detail.items() if value}
        self._decide(journey.id, journey.version, "", "refused", "", reason, given)

    def _decide(
        self,
        journey: str,
        version: int,
        run: str,
        what: str,
        step: str,
        reason: str,
        detail: dict[str, Any],
    ) -> None:
        self.effects.append(
            Decision(
                workspace=self.workspace,
                contact=self.contact,
                journey=journey,
                version=version,
                run=run,
                at=self.now,
                what=what,
                reason=reason,
                step=step,
                input=self.cause,
                detail=detail,
            )
        )

    def done(self) -> tuple[ContactState, list[Effect]]:
        """The new state, bounded and in order, and the effects."""
        runs = [run for run in self.runs.values() if run.live or _counts(run, self.now)]
        runs.sort(key=lambda run: (run.live, run.entered_at, run.id))
        candidates = sorted(self.candidates, key=_by_age)[-MAX_CANDIDATES:]
        needed = bool(candidates or self.waiting) or any(run.live for run in runs)
        awaited = self.profile_until is not None and self.profile_until > self.now
        exits = sorted(self.exits, key=lambda m: (m.at, m.journey, m.rule, m.keys))
        unjudged = sorted(self.unjudged, key=lambda fact: fact.order)
        entries = sorted(self.entries, key=lambda m: (m.until is None, m.at, m.journey, m.run))
        state = msgspec.structs.replace(
            self.before,
            profile=self.profile if needed or awaited else None,
            profile_until=self.profile_until if awaited else None,
            runs=tuple(runs[-MAX_RUNS:]),
            candidates=tuple(candidates),
            rings=self.rings,
            exits=tuple(exits[-MAX_EXITS:]),
            entries=tuple(entries[-MAX_ENTRIES:]),
            unjudged=tuple(unjudged[-MAX_UNJUDGED:]),
            judge_at=self.now + LOOK_AGAIN if unjudged else None,
            waiting=self.waiting,
            waits_until=self.waits_until,
        )
        return state, self.effects


def _counts(run: Run, now: datetime) -> bool:
    """Whether an order may still be a conversion of this run that is over."""
    return run.goal_until is not None and run.goal_at is None and run.goal_until > now


def _by_age(candidate: Candidate) -> tuple[datetime, str, str]:
    return candidate.first_at, candidate.journey, candidate.message


def _aggregates(profile: Profile) -> dict[str, AggregateState]:
    """Broken aggregates answer as if nothing had happened, rather than stopping everything."""
    try:
        return states(profile.aggregates)
    except msgspec.ValidationError:
        return {}
