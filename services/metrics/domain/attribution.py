"""Last human click within five days by event time: which mail won which order."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta

from services.metrics.domain.message import Message
from services.metrics.domain.order import Order

WINDOW = timedelta(days=5)


def attributed(messages: Iterable[Message], orders: Iterable[Order]) -> dict[str, str]:
    """By order id the message id ('' for none), for all orders and all mails of one person.

    A click at the order's own instant counts, one exactly five days older too. Of two mails
    clicked at the same instant the one with the higher id wins, so that there is one answer.
    """
    clicks = sorted((at, m.message) for m in messages for at in m.human_clicks)
    return {order.order_id: _winner(clicks, order.completed_at) for order in orders}


def _winner(clicks: list[tuple[datetime, str]], ordered_at: datetime | None) -> str:
    if ordered_at is None:
        return ""
    index = bisect_right(clicks, ordered_at, key=lambda click: click[0])
    if not index:
        return ""
    at, message = clicks[index - 1]
    return message if ordered_at - at <= WINDOW else ""
