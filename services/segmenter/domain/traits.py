"""Traits given by the shop (the newest word of each counts) and traits computed from the events.
What the contact chose itself counts until it chooses again, whatever anybody states.

Computed: orders_count, revenue_total and average_order_value (by currency, less refunds),
first_order_at, last_order_at, first_seen_at, last_active_at, last_opened_at, last_clicked_at,
subscribed_at (the oldest subscription that stands). A computed trait hides a given one.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from shared.conditions.values import EXACT
from shared.contracts import DeliveryEvent, Event
from shared.contracts.addresses import address

from .boxes import holding
from .consent import TRAIT as CONSENT
from .state import ContactState, Given, Seen, Totals, earliest, latest

HIDDEN = "$"  # what an event says beside its traits: used only where no trait says it
_CENT = Decimal("0.01")
CHOSEN = frozenset({"locale", "email_frequency"})
_FROM_CONTEXT = ("email", "locale", "timezone")


def noted(known: dict[str, Given], event: Event, at: datetime) -> dict[str, Given]:
    """The given traits after one more event."""
    new = {name: value for name, value in event.traits.items() if name != CONSENT}
    if event.context:
        for name in _FROM_CONTEXT:
            if event.context.get(name):
                new[HIDDEN + name] = event.context[name]
    found = {name: Given(value, at, event.message_id) for name, value in new.items()}
    return united(known, found)


def chosen(known: dict[str, Given], event: DeliveryEvent, at: datetime) -> dict[str, Given]:
    """The given traits after the contact chose for itself; nobody sets others that way."""
    if event.event != "PreferencesChanged":
        return known
    new = {n: v for n, v in event.traits.items() if n in CHOSEN}
    return united(known, {n: Given(v, at, event.message, chosen=True) for n, v in new.items()})


def united(a: dict[str, Given], b: Mapping[str, Given]) -> dict[str, Given]:
    """Both together, whichever came first."""
    changed = {
        name: said
        for name, said in b.items()
        if name not in a or _weight(name, said) > _weight(name, a[name])
    }
    return {**a, **changed} if changed else a


def _weight(name: str, said: Given) -> tuple[bool, bool, datetime, str]:
    """The newer word counts, of the contact itself if it chose; but what is no address is none
    against one that is.

    Else a page's visitor, by joining two contacts, could take an address away that is known.
    """
    email = name.removeprefix(HIDDEN) == "email"
    readable = not email or not said.value or address(said.value) != ""
    return readable, said.chosen, said.at, said.by


def seen(known: Seen, at: datetime) -> Seen:
    """After the contact did something in the shop."""
    return Seen(earliest(known.first, at), latest(known.active, at), known.opened, known.clicked)


def flattened(state: ContactState) -> dict[str, Any]:
    """Given and computed traits as conditions and templates see them."""
    known = {name: said.value for name, said in state.given.items() if said.value is not None}
    found = {name: value for name, value in known.items() if not name.startswith(HIDDEN)}
    for name in _FROM_CONTEXT:
        if name not in found and HIDDEN + name in known:
            found[name] = known[HIDDEN + name]
    found.update(_bought(state.orders.totals))
    subscribed = [c.at for c in holding(state).values() if c.state == "subscribed"]
    times = {
        "first_seen_at": state.seen.first,
        "last_active_at": state.seen.active,
        "last_opened_at": state.seen.opened,
        "last_clicked_at": state.seen.clicked,
        "subscribed_at": min(subscribed, default=None),
    }
    found.update({name: at for name, at in times.items() if at is not None})
    return found


def _bought(totals: Totals) -> dict[str, Any]:
    if not totals.count:
        return {"orders_count": 0}
    return {
        "orders_count": totals.count,
        "revenue_total": totals.revenue,
        "average_order_value": {
            c: _average(v, totals.counts[c]) for c, v in totals.revenue.items()
        },
        "first_order_at": totals.first_at,
        "last_order_at": totals.last_at,
    }


def _average(revenue: Decimal, orders: int) -> Decimal:
    return EXACT.divide(revenue, Decimal(orders)).quantize(_CENT, ROUND_HALF_UP, EXACT)


def text(state: ContactState, name: str) -> str:
    """A trait that must be a text: the shop's word, else the event's context, else empty."""
    for key in (name, HIDDEN + name):
        said = state.given.get(key)
        if said is not None and isinstance(said.value, str):
            return said.value.strip()
    return ""
