"""Two contacts become one: as if all had happened to one from the start."""

from msgspec.structs import replace

from shared.conditions import AggregateState, merge

from . import boxes, consent, orders, traits
from .definitions import Definitions
from .email_history import bounded, united_mails
from .state import ContactState, Mail, Seen, earliest, latest
from .traits import HIDDEN


def united(winner: ContactState, loser: ContactState, definitions: Definitions) -> ContactState:
    """The winner with all that the loser was. Memberships are taken over, not entered anew."""
    both = {**loser.segments, **winner.segments}
    said, kept = boxes.noted(winner.consent, winner.boxes, loser.boxes)
    since = {s: min(at, loser.segments.get(s, at)) for s, at in both.items()}
    return replace(
        winner,
        given=traits.united(winner.given, loser.given),
        consent=consent.united(said, loser.consent),
        boxes=kept,
        orders=orders.united(winner.orders, loser.orders),
        seen=_seen(winner.seen, loser.seen),
        mails=_mails(winner.mails, loser.mails),
        aggregates=_aggregates(winner, loser, definitions),
        segments=since,
        clock=latest(winner.clock, loser.clock),
        merged_from=(*winner.merged_from, loser.contact, *loser.merged_from),
    )


def handed_over(state: ContactState, *, claimed: bool) -> ContactState:
    """What a loser's owner packs up. Clicks that wait go as the messages they are: told twice, or
    overtaken by a repeat, they are known by that.
    """
    return replace(_believed(state) if claimed else state, early_clicks={})


def _believed(state: ContactState) -> ContactState:
    """What a contact brings that is another one if a public call is true: no word in an address's
    place and no subscription.
    """
    given = {n: said for n, said in state.given.items() if n.removeprefix(HIDDEN) != "email"}
    held = boxes.holding(state)
    refused = {t: c for t, c in held.items() if c.state not in consent.AGREES}
    return replace(state, given=given, consent=refused, boxes={})


def _seen(a: Seen, b: Seen) -> Seen:
    return Seen(
        earliest(a.first, b.first),
        latest(a.active, b.active),
        latest(a.opened, b.opened),
        latest(a.clicked, b.clicked),
    )


def _mails(a: dict[str, Mail], b: dict[str, Mail]) -> dict[str, Mail]:
    """A message belongs to one contact, but what is forwarded may come before what is handed over:
    then each knows a part.
    """
    both = {m: united_mails(a[m], b[m]) for m in a.keys() & b.keys()}
    return bounded({**a, **b, **both})


def _aggregates(
    a: ContactState, b: ContactState, definitions: Definitions
) -> dict[str, AggregateState]:
    found = {}
    for key, spec in definitions.aggregates.items():
        state = merge(a.aggregates.get(key), b.aggregates.get(key), spec)
        if state is not None:
            found[key] = state
    return found
