"""The core of stage profile: one contact's state, one input, what follows. Pure and total.

The caller drops repeats (by message id) and, when `state.kept` is not what the definitions keep,
learns the aggregates anew from the history first (`relearned`).
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from shared.conditions import AggregateState, Occurrence
from shared.contracts import (
    ContactChanged,
    ContactEvent,
    ContactsMerged,
    DeliveryEvent,
    IdentifiedEvent,
    ProfileHandedOver,
    SegmentChanged,
    plain,
)
from shared.engagement import Verdict

from . import boxes, consent, email_history, merge, orders, traits
from .definitions import Definitions
from .segments import answered
from .snapshot import changed, email_of, happened_at, occurrence, snapshot
from .state import ContactState, earliest, unpack

MAX_EARLY_CLICKS = 20
"""Clicks of a contact that wait at the same time; one more is judged as it comes."""


class Due(msgspec.Struct, frozen=True):
    """Everything up to now has been seen: what is due by now may happen."""


class Forward(msgspec.Struct, frozen=True):
    """The message as it is, to the topic it came from, for the contact who is it now."""

    contact: str
    message: IdentifiedEvent | DeliveryEvent | ContactsMerged | ProfileHandedOver


Input = IdentifiedEvent | DeliveryEvent | ContactsMerged | ProfileHandedOver | Due
Effect = ContactEvent | ContactChanged | ContactsMerged | ProfileHandedOver | Forward
Step = tuple[ContactState, list[Effect]]


def fresh(workspace: str, contact: str, definitions: Definitions) -> ContactState:
    """A contact of whom nothing is known."""
    return ContactState(
        workspace=workspace,
        contact=contact,
        kept=definitions.kept,
        segments_revision=definitions.segments_revision,
    )


def relearned(
    state: ContactState, past: Iterable[Occurrence], definitions: Definitions
) -> ContactState:
    """The state with the aggregates that are kept now, from all that ever happened."""
    aggregates: dict[str, AggregateState] = {}
    for what in past:
        aggregates = definitions.learned(aggregates, what)
    return replace(state, aggregates=aggregates, kept=definitions.kept)


def transition(state: ContactState, given: Input, definitions: Definitions, now: datetime) -> Step:
    """`now` is the business time that the input speaks of: an event's `received_at`, a merge's
    `at`, for Due up to when everything has been seen. It may lie before the state's clock.
    """
    if state.merged_into:
        return state, _forwarded(state, given)
    if isinstance(given, DeliveryEvent):
        state = replace(state, mails=email_history.noted(state.mails, given))
    state, effects = _settled(state, now, definitions, inclusive=isinstance(given, Due))
    handle = _HANDLERS.get(type(given))
    if handle is None:
        return state, effects
    state, more = handle(state, given, definitions, now)
    return state, effects + more


def wakes_at(state: ContactState) -> datetime | None:
    """When there is something to do although nothing happens."""
    return earliest(state.due, *map(email_history.waits_until, state.early_clicks))


def _settled(
    state: ContactState, now: datetime, definitions: Definitions, *, inclusive: bool
) -> Step:
    """What was due before now, dated when it was due: clicks that have waited long enough, and
    segments.
    """
    effects: list[Effect] = []
    for click in sorted(state.early_clicks, key=email_history.waits_until):
        at = email_history.waits_until(click)
        if at > now or (at == now and not inclusive):
            break
        state, before = _answered_until(state, at, definitions, inclusive=False)
        state, more = _released(state, [click], definitions, at)
        effects += before + more
    state, rest = _answered_until(state, now, definitions, inclusive=inclusive)
    return state, effects + rest


def _answered_until(
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


def _event(
    state: ContactState, given: IdentifiedEvent, definitions: Definitions, now: datetime
) -> Step:
    event = given.event
    at = happened_at(event)
    words, _ = consent.read(event.traits, at)
    said, kept = boxes.noted(state.consent, state.boxes, boxes.read(event.traits, at))
    learned = replace(
        state,
        given=traits.noted(state.given, event, at),
        consent=consent.united(said, words),
        boxes=kept,
        orders=orders.noted(state.orders, event, at),
        seen=traits.seen(state.seen, at),
        aggregates=definitions.learned(state.aggregates, occurrence(event)),
    )
    return _told(state, learned, definitions, now, backfill=event.origin != "live", given=given)


def _delivery(
    state: ContactState, given: DeliveryEvent, definitions: Definitions, now: datetime
) -> Step:
    if email_history.waits_already(state.early_clicks, given):
        return state, []
    if email_history.is_early(state.mails, given) and len(state.early_clicks) < MAX_EARLY_CLICKS:
        waiting = replace(state, early_clicks=(*state.early_clicks, given))
        return _told(state, waiting, definitions, now, backfill=False)
    state, effects = _taken(state, given, definitions, now)
    if given.event != "Delivered":
        return state, effects
    its = [click for click in state.early_clicks if click.message == given.message]
    state, more = _released(state, its, definitions, now)
    return state, effects + more


def _taken(
    state: ContactState, given: DeliveryEvent, definitions: Definitions, now: datetime
) -> Step:
    """Whatever it is, it is judged by what is known now."""
    at = happened_at(given)
    by = email_history.judged(state.mails, given)
    human = by is None or by.by == "human"
    what = email_history.occurrence(given, at, human=human)
    learned = replace(
        state,
        given=traits.chosen(state.given, given, at),
        seen=email_history.seen(state.seen, given, at, human=human),
        consent=consent.united(state.consent, consent.stated(given, at)),
        aggregates=definitions.learned(state.aggregates, what),
    )
    backfill = given.origin != "live"
    return _told(state, learned, definitions, now, backfill=backfill, given=given, by=by)


def _released(
    state: ContactState, clicks: list[DeliveryEvent], definitions: Definitions, now: datetime
) -> Step:
    effects: list[Effect] = []
    kept = tuple(click for click in state.early_clicks if click not in clicks)
    state = replace(state, early_clicks=kept)
    for click in clicks:
        state, more = _taken(state, click, definitions, now)
        effects += more
    return state, effects


def _merged(state: ContactState, given: ContactsMerged, _: Definitions, now: datetime) -> Step:
    """The loser packs up and is a redirect from now on."""
    if given.winner == state.contact or given.winner in state.merged_from:
        return state, []
    packed = ProfileHandedOver(
        workspace=state.workspace,
        contact=given.winner,
        loser=state.contact,
        at=given.at,
        state=plain(merge.believed(state) if given.claimed else state),
    )
    redirect = ContactState(
        workspace=state.workspace,
        contact=state.contact,
        version=state.version + 1,
        clock=state.clock or now,
        merged_into=given.winner,
    )
    return redirect, [changed(redirect), given, packed]


def _handed_over(
    state: ContactState, given: ProfileHandedOver, definitions: Definitions, now: datetime
) -> Step:
    """The winner takes over; once, whatever is delivered again."""
    if given.loser in state.merged_from or given.loser == state.contact:
        return state, []
    together = merge.united(state, unpack(given.state), definitions)
    state, effects = _told(state, together, definitions, now, backfill=False)
    known = snapshot(state, traits.flattened(state), definitions)
    # Without a fact: whoever waits with what the loser had begun needs to know who it is now.
    told = ContactEvent(workspace=state.workspace, contact=state.contact, profile=known)
    return state, [*effects, told]


_HANDLERS: dict[type, Callable[[ContactState, Any, Definitions, datetime], Step]] = {
    IdentifiedEvent: _event,
    DeliveryEvent: _delivery,
    ContactsMerged: _merged,
    ProfileHandedOver: _handed_over,
}


def _forwarded(state: ContactState, given: Input) -> list[Effect]:
    """A redirect keeps nothing: what still arrives for it goes to who it is now."""
    winner = state.merged_into
    if isinstance(given, Due):
        return []
    if isinstance(given, ProfileHandedOver):
        return [Forward(winner, replace(given, contact=winner))]
    if not isinstance(given, ContactsMerged):
        return [Forward(winner, replace(given, contact=winner, by_merge=True))]
    if given.winner == winner:
        return []
    return [Forward(winner, replace(given, loser=winner, claimed=False))]


def _told(
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
