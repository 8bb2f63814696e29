"""One run of a journey as reports count it: each fact once, whatever is told again."""

from datetime import datetime
from typing import Any

import msgspec

from services.metrics.domain.knowing import first, first_with_reason
from shared.contracts import JourneyEvent


class Step(msgspec.Struct, frozen=True):
    """When the run first came past a step: did it, skipped it, or ended in it."""

    reached_at: datetime
    variant: str = ""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run is left once: the earliest exit counts. `contact` is who it belongs to now."""

    workspace: str
    run: str
    contact: str
    journey: str
    version: int = 0
    entered_at: datetime | None = None
    exited_at: datetime | None = None
    exit_reason: str = ""
    goal_at: datetime | None = None
    steps: dict[str, Step] = {}


def transition(run: Run, event: JourneyEvent) -> Run:
    """The run after an event of it. Total; a repeat changes nothing."""
    return united(run, _known(run, event))


def _known(run: Run, event: JourneyEvent) -> Run:
    facts: dict[str, Any] = {"version": event.version}
    match event.kind:
        case "entered":
            facts["entered_at"] = event.at
        case "exited":
            facts |= {"exited_at": event.at, "exit_reason": event.reason}
        case "goal":
            facts["goal_at"] = event.at
        case "step_done" | "skipped" | "refused":
            pass
    if event.step:
        facts["steps"] = {event.step: Step(event.at, event.variant)}
    return msgspec.structs.replace(run, **facts)


def united(a: Run, b: Run) -> Run:
    """All that either knows."""
    exited_at, exit_reason = first_with_reason(
        (a.exited_at, a.exit_reason), (b.exited_at, b.exit_reason)
    )
    return msgspec.structs.replace(
        a,
        version=max(a.version, b.version),
        entered_at=first(a.entered_at, b.entered_at),
        exited_at=exited_at,
        exit_reason=exit_reason,
        goal_at=first(a.goal_at, b.goal_at),
        steps=_steps(a.steps, b.steps),
    )


def _steps(a: dict[str, Step], b: dict[str, Step]) -> dict[str, Step]:
    together = dict(a)
    for name, step in b.items():
        known = together.get(name, step)
        together[name] = Step(
            min(known.reached_at, step.reached_at), max(known.variant, step.variant)
        )
    return together
