"""The core of stage profile: one contact's state, one input, what follows. Pure and total.

The caller drops repeats (by message id) and, when `state.kept` is not what the definitions keep,
learns the aggregates anew from the history first (`relearned`).
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from shared.conditions import AggregateState, Occurrence
from shared.contracts import (
    ContactEvent,
    ContactsMerged,
    DeliveryEvent,
    IdentifiedEvent,
    ProfileHandedOver,
    plain,
)

from . import boxes, consent, merge, orders, traits
from .definitions import Definitions
from .deliveries import delivery, let_go, released, waits_until
from .snapshot import changed, happened_at, occurrence, snapshot
from .state import ContactState, earliest, unpack
from .steps import Due, Effect, Forward, Input, Step
from .telling import answered_until, told


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

    What was due before now comes first, dated when it was due.
    """
    if state.merged_into:
        return state, _forwarded(state, given)
    if isinstance(given, Due):
        return _woken(state, definitions, now)
    state, effects = answered_until(state, now, definitions, inclusive=False)
    state, more = _HANDLERS[type(given)](state, given, definitions, now)
    return state, effects + more


def wakes_at(state: ContactState) -> datetime | None:
    """When there is something to do although nothing happens."""
    return earliest(state.due, *map(waits_until, state.early_clicks.values()))


def _woken(state: ContactState, definitions: Definitions, now: datetime) -> Step:
    """Clicks wait until here, not until any later event: only now has all been seen that came
    meanwhile, by whichever topic.
    """
    effects: list[Effect] = []
    for click in sorted(state.early_clicks.values(), key=waits_until):
        at = waits_until(click)
        if at > now:
            break
        state, before = answered_until(state, at, definitions, inclusive=False)
        state, more = released(state, [click], definitions, at)
        effects += before + more
    state, rest = answered_until(state, now, definitions, inclusive=True)
    return state, effects + rest


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
    return told(state, learned, definitions, now, backfill=event.origin != "live", given=given)


def _merged(state: ContactState, given: ContactsMerged, _: Definitions, now: datetime) -> Step:
    """The loser packs up and is a redirect from now on."""
    if given.winner == state.contact or given.winner in state.merged_from:
        return state, []
    packed = ProfileHandedOver(
        workspace=state.workspace,
        contact=given.winner,
        loser=state.contact,
        at=given.at,
        state=plain(merge.handed_over(state, claimed=given.claimed)),
    )
    redirect = ContactState(
        workspace=state.workspace,
        contact=state.contact,
        version=state.version + 1,
        clock=state.clock or now,
        merged_into=given.winner,
    )
    clicks = (_forward(given.winner, click) for click in state.early_clicks.values())
    return redirect, [changed(redirect), given, packed, *clicks]


def _handed_over(
    state: ContactState, given: ProfileHandedOver, definitions: Definitions, now: datetime
) -> Step:
    """The winner takes over; once, whatever is delivered again."""
    if given.loser in state.merged_from or given.loser == state.contact:
        return state, []
    together = merge.united(state, unpack(given.state), definitions)
    state, effects = told(state, together, definitions, now, backfill=False)
    known = snapshot(state, traits.flattened(state), definitions)
    # Without a fact: whoever waits with what the loser had begun needs to know who it is now.
    who = ContactEvent(workspace=state.workspace, contact=state.contact, profile=known)
    state, more = let_go(state, definitions, now)
    return state, [*effects, who, *more]


_HANDLERS: dict[type, Callable[[ContactState, Any, Definitions, datetime], Step]] = {
    IdentifiedEvent: _event,
    DeliveryEvent: delivery,
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
        return [_forward(winner, given)]
    if given.winner == winner:
        return []
    return [Forward(winner, replace(given, loser=winner, claimed=False))]


def _forward(winner: str, message: IdentifiedEvent | DeliveryEvent) -> Forward:
    return Forward(winner, replace(message, contact=winner, by_merge=True))
