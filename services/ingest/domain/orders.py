"""Orders carry what every number about money needs: an id, a total, a currency. Goods that are
looked at or carted carry prices that a mail can show.

Segment's own names are checked. Names of other tools keep their own fields; the docs say what
then does not work.
"""

import re
from collections.abc import Iterator
from itertools import islice

from shared.conditions.values import amount
from shared.contracts.wire import BadCall, Call, Plain

_WITH_ID = {
    "order completed",
    "order updated",
    "order refunded",
    "order cancelled",
    "order fulfilled",
    "order delivered",
}
_WITH_TOTAL = "order completed"
_WITH_PRICES = {
    "product viewed",
    "product clicked",
    "product added",
    "product removed",
    "product added to wishlist",
    "product removed from wishlist",
    "wishlist product added to cart",
    "cart viewed",
    "checkout started",
}
_NO_AMOUNT = "is no amount; give a number such as 19.99"
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_MAX_ID = 256


def check_order(call: Call) -> None:
    """Raises BadCall. A refund without an amount is a refund of all."""
    name = _name(call)
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
            raise BadCall(f"properties.{field}", _NO_AMOUNT)
    currency = properties.get("currency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise BadCall("properties.currency", "is missing or no currency; give a code such as EUR")


def check_prices(call: Call) -> None:
    """Raises BadCall for the first price of a carted good that a mail could not show."""
    if _name(call) in _WITH_PRICES:
        for field in _odd_prices(call):
            raise BadCall(field, _NO_AMOUNT)


def odd_prices(call: Call) -> list[BadCall]:
    """The first of any other event, which is kept: an order is worth more than an item's price."""
    if call.type != "track" or _name(call) in _WITH_PRICES:
        return []
    why = f"{_NO_AMOUNT}; the event was kept, a mail that shows this price is not sent"
    return [BadCall(field, why) for field in islice(_odd_prices(call), 1)]


def _odd_prices(call: Call) -> Iterator[str]:
    properties = call.properties or {}
    if _odd(properties):
        yield "properties.price"
    products = properties.get("products")
    for index, product in enumerate(products if isinstance(products, list) else ()):
        if isinstance(product, dict) and _odd(product):
            yield f"properties.products[{index}].price"


def _odd(goods: Plain) -> bool:
    price = goods.get("price")
    return price is not None and amount(price) is None


def _name(call: Call) -> str:
    return (call.event or "").strip().casefold()


def _check_id(order: object) -> None:
    if order is None or isinstance(order, bool) or not isinstance(order, str | int):
        raise BadCall("properties.order_id", "is missing; give the order's id, a text or a number")
    if not str(order).strip():
        raise BadCall("properties.order_id", "is empty; give the order's id")
    if len(str(order)) > _MAX_ID:
        raise BadCall("properties.order_id", f"is longer than {_MAX_ID} characters")
