"""Orders: each counts once by its order id, whatever is repeated, refunded or comes late.

revenue_total = the sum of `revenue` (else `total`) of orders that were not cancelled, less their
refunds, never less than nothing per order. Does not depend on the order in which events come,
for the newest `MAX_RECENT` orders; older ones are settled into sums and can no longer change.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from shared.conditions.values import EXACT, amount
from shared.contracts import Event

from .state import Order, Orders, Placed, Totals, earliest, latest

MAX_RECENT = 200
MAX_REFUNDS = 50
NONE = Decimal(0)


def noted(orders: Orders, event: Event, at: datetime) -> Orders:
    """The orders after one more event; `orders` itself when it is about none."""
    read = _READ.get(event.name)
    if read is None:
        return orders
    name = str(event.properties.get("order_id") or "")
    if not name and event.name == "Order Completed":
        name = event.message_id
    if not name:
        return orders
    known = orders.recent.get(name) or Order(at)
    return _bounded({**orders.recent, name: read(known, event, at)}, orders.settled)


def united(a: Orders, b: Orders) -> Orders:
    """The orders of two contacts who became one."""
    recent = dict(a.recent)
    for name, order in b.recent.items():
        recent[name] = _together(recent[name], order) if name in recent else order
    return _bounded(recent, _sum(a.settled, b.settled))


def _completed(order: Order, event: Event, at: datetime) -> Order:
    paid, currency = _money(event.properties)
    placed = Placed(at, event.message_id, paid or NONE, currency if paid is not None else "")
    return _together(order, Order(at, placed))


def _cancelled(order: Order, _: Event, at: datetime) -> Order:
    return _together(order, Order(at, cancelled=True))


def _refunded(order: Order, event: Event, at: datetime) -> Order:
    """Segment's specification: without an amount all of it is refunded."""
    return _together(order, Order(at, refunds={event.message_id: _money(event.properties)[0]}))


_READ = {
    "Order Completed": _completed,
    "Order Cancelled": _cancelled,
    "Order Refunded": _refunded,
}


def _together(a: Order, b: Order) -> Order:
    placed = [p for p in (a.placed, b.placed) if p is not None]
    refunds = {**a.refunds, **b.refunds} if b.refunds else a.refunds
    return Order(
        max(a.at, b.at),
        max(placed, key=lambda p: (p.at, p.by), default=None),
        a.cancelled or b.cancelled,
        dict(sorted(refunds.items())[:MAX_REFUNDS]) if len(refunds) > MAX_REFUNDS else refunds,
    )


def _money(properties: Mapping[str, Any]) -> tuple[Decimal | None, str]:
    """Amount and currency; no amount without a currency."""
    currency = properties.get("currency")
    if not isinstance(currency, str) or not currency:
        return None, ""
    found = amount(properties.get("revenue"))
    return (found if found is not None else amount(properties.get("total"))), currency.upper()


def _bounded(recent: dict[str, Order], settled: Totals) -> Orders:
    while len(recent) > MAX_RECENT:
        oldest = min(recent, key=lambda name: (recent[name].at, name))
        settled = _sum(settled, _totals(recent.pop(oldest)))
    totals = settled
    for order in recent.values():
        totals = _sum(totals, _totals(order))
    return Orders(recent, settled, totals)


def _totals(order: Order) -> Totals:
    placed = order.placed
    if placed is None or order.cancelled:
        return Totals()
    if not placed.currency:
        return Totals(1, placed.at, placed.at)
    return Totals(
        1, placed.at, placed.at, {placed.currency: _left(placed, order)}, {placed.currency: 1}
    )


def _left(placed: Placed, order: Order) -> Decimal:
    left = placed.amount
    for refund in order.refunds.values():
        left = NONE if refund is None else EXACT.subtract(left, refund)
        if left <= NONE:
            return NONE
    return left


def _sum(a: Totals, b: Totals) -> Totals:
    if not b.count:
        return a
    revenue, counts = dict(a.revenue), dict(a.counts)
    for currency, value in b.revenue.items():
        revenue[currency] = EXACT.add(revenue.get(currency, NONE), value)
        counts[currency] = counts.get(currency, 0) + b.counts[currency]
    return replace(
        a,
        count=a.count + b.count,
        first_at=earliest(a.first_at, b.first_at),
        last_at=latest(a.last_at, b.last_at),
        revenue=revenue,
        counts=counts,
    )
