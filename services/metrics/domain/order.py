"""One order of one contact: completed, refunded, cancelled, in whatever order that is heard.

Money is read as segmenter reads it: `revenue`, else `total`, with a currency. The newest
Order Completed says how much, the earliest says when.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import msgspec

from services.metrics.domain.knowing import first
from shared.conditions.values import EXACT, amount
from shared.contracts import Event

NONE = Decimal(0)
MAX_REFUNDS = 50
MAX_ORDER_ID = 250


class Won(msgspec.Struct, frozen=True):
    """What an attributed order is worth; `refunded` is part of `amount`."""

    amount: Decimal
    currency: str
    refunded: Decimal


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """`order_id` is the shop's. `message`: the mail it is attributed to, set by the book.

    `refunds`: messageId of the refund -> amount, None for all of it.
    """

    workspace: str
    contact: str
    order_id: str
    completed_at: datetime | None = None
    priced_at: datetime | None = None
    priced_by: str = ""
    amount: Decimal = NONE
    currency: str = ""
    cancelled_at: datetime | None = None
    refunds: dict[str, Decimal | None] = {}
    message: str = ""

    @property
    def worth(self) -> Won:
        return Won(self.amount, self.currency, self._refunded())

    def _refunded(self) -> Decimal:
        if self.cancelled_at is not None or None in self.refunds.values():
            return self.amount
        total = NONE
        for refund in self.refunds.values():
            total = EXACT.add(total, refund or NONE)
        return min(total, self.amount)


def order_id_of(event: Event) -> str:
    """The order that an event is about; empty if about none."""
    if event.kind != "track" or event.name not in _READ:
        return ""
    given = str(event.properties.get("order_id") or "")[:MAX_ORDER_ID]
    return given or (event.message_id if event.name == "Order Completed" else "")


def transition(order: Order, event: Event) -> Order:
    """The order after an event that is about it. Total; a repeat changes nothing."""
    read = _READ.get(event.name)
    return united(order, read(order, event)) if read else order


def united(a: Order, b: Order) -> Order:
    """All that either knows; who it belongs to is a's."""
    newer = max(a, b, key=_newness)
    refunds = {**b.refunds, **a.refunds}
    return msgspec.structs.replace(
        a,
        completed_at=first(a.completed_at, b.completed_at),
        priced_at=newer.priced_at,
        priced_by=newer.priced_by,
        amount=newer.amount,
        currency=newer.currency,
        cancelled_at=first(a.cancelled_at, b.cancelled_at),
        refunds=dict(sorted(refunds.items())[:MAX_REFUNDS]),
    )


def _newness(order: Order) -> tuple[float, str, Decimal, str]:
    at = order.priced_at.timestamp() if order.priced_at else float("-inf")
    return at, order.priced_by, order.amount, order.currency


def _completed(order: Order, event: Event) -> Order:
    paid, currency = _money(event)
    return msgspec.structs.replace(
        order,
        completed_at=event.at,
        priced_at=event.at,
        priced_by=event.message_id,
        amount=max(paid or NONE, NONE),
        currency=currency if paid is not None else "",
    )


def _cancelled(order: Order, event: Event) -> Order:
    return msgspec.structs.replace(order, cancelled_at=event.at)


def _refunded(order: Order, event: Event) -> Order:
    """Segment's specification: without an amount all of it is refunded."""
    paid, _ = _money(event)
    refund = None if paid is None else max(paid, NONE)
    return msgspec.structs.replace(order, refunds={event.message_id: refund})


_READ: dict[str, Callable[[Order, Event], Order]] = {
    "Order Completed": _completed,
    "Order Cancelled": _cancelled,
    "Order Refunded": _refunded,
}


def _money(event: Event) -> tuple[Decimal | None, str]:
    """Amount and currency; no amount without a currency."""
    currency = event.properties.get("currency")
    if not isinstance(currency, str) or not currency:
        return None, ""
    found = amount(event.properties.get("revenue"))
    paid = found if found is not None else amount(event.properties.get("total"))
    return paid, currency.upper()
