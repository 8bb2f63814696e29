"""What others are told of a contact: what happened, then what that changed in its segments."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from shared.contracts import ContactEvent, DeliveryEvent, IdentifiedEvent, SegmentChanged
from shared.engagement import Verdict

from . import boxes, traits
from .definitions import Definitions
from .segments import answered
from .snapshot import changed, email_of, snapshot
from .state import ContactState
from .steps import Effect, Step


def answered_until(
    state: ContactState, now: datetime, definitions: Definitions, *, inclusive: bool
) -> Step:
    """The segments' changes before now; first of all what new segments say."""
    effects: list[Effect] = []
    if state.clock is None:
        return state, effects
    new = state.segments_revision != definitions.segments_revision
    known: dict[str, Any] | None = None
    at = state.clock if new else state.due
    while at is not None and (at < now or new or (inclusive and at == now)):
        known = known or traits.flattened(state)
        state, changes = answered(state, known, at, definitions, backfill=False)
        effects += _changes(state, known, changes, definitions)
        new, at = False, state.due
    if state.segments_revision != definitions.segments_revision:
        state = replace(state, segments_revision=definitions.segments_revision)
    return state, effects


def told(
    before: ContactState,
    state: ContactState,
    definitions: Definitions,
    now: datetime,
    *,
    backfill: bool,
    given: IdentifiedEvent | DeliveryEvent | None = None,
    by: Verdict | None = None,
) -> Step:
    """Answer the segments and say what happened: to the contact, then to its segments."""
    at = now if state.clock is None else max(state.clock, now)
    if (email_of(state), boxes.holding(state)) != (email_of(before), boxes.holding(before)):
        state = replace(state, version=state.version + 1)
    known = traits.flattened(state)
    state, changes = answered(state, known, at, definitions, backfill=backfill)
    effects: list[Effect] = [changed(state)] if state.version != before.version else []
    if given is not None:
        effects.append(
            ContactEvent(
                workspace=state.workspace,
                contact=state.contact,
                profile=snapshot(state, known, definitions),
                event=given.event if isinstance(given, IdentifiedEvent) else None,
                delivery=given if isinstance(given, DeliveryEvent) else None,
                verdict=by.by if by else None,
                verdict_reason=by.reason if by else "",
                by_merge=given.by_merge,
            )
        )
    return state, effects + _changes(state, known, changes, definitions)


def _changes(
    state: ContactState,
    known: dict[str, Any],
    changes: list[SegmentChanged],
    definitions: Definitions,
) -> list[Effect]:
    if not changes:
        return []
    profile = snapshot(state, known, definitions)
    return [
        ContactEvent(
            workspace=state.workspace, contact=state.contact, profile=profile, segment=change
        )
        for change in changes
    ]
