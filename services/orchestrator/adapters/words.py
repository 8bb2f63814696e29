"""What `explain` adds to the core's words: what is still open, and what it means that nothing is.

"Why did nobody enter?" is asked most where there is no decision at all, so that has words too.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.orchestrator.domain import Decision, Journey, explain
from services.orchestrator.domain.consent import why_not_mailed
from services.orchestrator.domain.model import Trigger
from shared.contracts import Definition, Profile
from shared.contracts.reasons import REASONS
from shared.instants import instant

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))


def in_words(
    definition: Definition,
    journey: Journey | None,
    decisions: Sequence[Decision],
    waiting: Sequence[dict[str, Any]],
    profile: Profile | None,
) -> list[str]:
    """One line each; `waiting` are candidates: `first_at`, `due_at`, `key`. `profile`: who is still
    to be mailed, if anybody.
    """
    words = explain(decisions, journey) + [_waits(candidate) for candidate in waiting]
    if not words and journey is not None:
        words = _nothing(journey)
    if journey is not None and profile is not None:
        words += _unmailed(journey, profile)
    if journey is None:
        words.append(f"version {definition.version} cannot be read by this Tuvi: it stands still")
    elif definition.status != "running":
        words.append(f"the journey is {definition.status}: nobody enters, nothing is sent")
    return words


def _waits(candidate: dict[str, Any]) -> str:
    first, due = (instant(candidate[name]) for name in ("first_at", "due_at"))
    key = f" for {candidate['key']}" if candidate["key"] else ""
    return (
        f"{first}  started the quiet time{key}; "
        f"whether it enters is decided at {due}, if it stays quiet"
    )


def _unmailed(journey: Journey, profile: Profile) -> list[str]:
    """What nobody has decided on yet: it is asked at the next mail."""
    reason = why_not_mailed(journey, profile)
    if not reason:
        return []
    return [
        f"as things stand its mails will be skipped, {reason}: {REASONS[reason]} ({journey.topic})"
    ]


def _nothing(journey: Journey) -> list[str]:
    return [
        f"nothing was ever decided about this contact in {journey.id}",
        f"it is started by {_start(journey.trigger)}: no such thing was seen of this contact",
        "checked: its decisions and waiting candidates, also of contacts that were merged into it",
    ]


def _start(trigger: Trigger) -> str:
    if trigger.kind == "segment":
        verb = "entering" if trigger.change == "entered" else "leaving"
        return f"{verb} the segment {trigger.segment}"
    told = " or ".join(trigger.events)
    if trigger.where.checks:
        told += " that meets its `where`"
    return told + (f", then {_span(trigger.quiet_for)} of quiet" if trigger.quiet_for else "")


def _span(span: timedelta) -> str:
    for unit, length in _UNITS:
        if span >= length and not span % length:
            return f"{span // length}{unit}"
    return f"{span.total_seconds():g}s"
