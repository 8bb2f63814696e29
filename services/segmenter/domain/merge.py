"""Two contacts become one: as if all had happened to one from the start."""

from msgspec.structs import replace

from shared.conditions import AggregateState, merge
from shared.contracts import DeliveryEvent

from . import boxes, consent, orders, traits
from .definitions import Definitions
from .email_history import bounded
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
        early_clicks=winner.early_clicks + _taken_over(loser.early_clicks, winner.contact),
        aggregates=_aggregates(winner, loser, definitions),
        segments=since,
        clock=latest(winner.clock, loser.clock),
        merged_from=(*winner.merged_from, loser.contact, *loser.merged_from),
    )


def believed(state: ContactState) -> ContactState:
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
    """A message belongs to one contact; should both know it, the newer word is kept."""
    newer = {m: max(mail, a.get(m, mail), key=lambda x: x.at) for m, mail in b.items()}
    return bounded({**a, **newer})


def _taken_over(clicks: tuple[DeliveryEvent, ...], contact: str) -> tuple[DeliveryEvent, ...]:
    return tuple(replace(click, contact=contact, by_merge=True) for click in clicks)


def _aggregates(
    a: ContactState, b: ContactState, definitions: Definitions
) -> dict[str, AggregateState]:
    found = {}
    for key, spec in definitions.aggregates.items():
        state = merge(a.aggregates.get(key), b.aggregates.get(key), spec)
        if state is not None:
            found[key] = state
    return found
