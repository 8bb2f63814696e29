"""Orders carry what every number about money needs: an id, a total, a currency.

Segment's own names are checked. Names of other tools keep their own fields; the docs say what
then does not work.
"""

import re

from shared.conditions.values import amount
from shared.contracts.wire import BadCall, Call

_WITH_ID = {
    "order completed",
    "order updated",
    "order refunded",
    "order cancelled",
    "order fulfilled",
    "order delivered",
}
_WITH_TOTAL = "order completed"
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_MAX_ID = 256


def check_order(call: Call) -> None:
    """Raises BadCall. A refund without an amount is a refund of all."""
    name = (call.event or "").strip().casefold()
    if name not in _WITH_ID:
        return
    properties = call.properties or {}
    _check_id(properties.get("order_id"))
    totals = [field for field in ("total", "revenue") if properties.get(field) is not None]
    if not totals:
        if name == _WITH_TOTAL:
            raise BadCall("properties.total", "is missing; an order needs total (or revenue)")
        return
    for field in totals:
        if amount(properties[field]) is None:
            raise BadCall(f"properties.{field}", "is no amount; give a number such as 19.99")
    currency = properties.get("currency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise BadCall("properties.currency", "is missing or no currency; give a code such as EUR")


def _check_id(order: object) -> None:
    if order is None or isinstance(order, bool) or not isinstance(order, str | int):
        raise BadCall("properties.order_id", "is missing; give the order's id, a text or a number")
    if not str(order).strip():
        raise BadCall("properties.order_id", "is empty; give the order's id")
    if len(str(order)) > _MAX_ID:
        raise BadCall("properties.order_id", f"is longer than {_MAX_ID} characters")
