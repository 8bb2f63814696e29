"""Orders carry what every number about money needs: an id, a total, a currency. Goods that are
looked at or carted carry prices that a mail can show.

Segment's own names are checked. Names of other tools keep their own fields; the docs say what
then does not work.
"""

import re
from functools import lru_cache

from shared.conditions.values import amount
from shared.contracts.wire import MAX_ID, BadCall, Call, Plain

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


def needs_order(name: str) -> bool:
    """Whether an event of this name is one of an order's."""
    return _plain(name) in _WITH_ID


def check_goods(call: Call) -> None:
    """Raises BadCall: an order without what it needs, a carted good's price that none could show.

    A refund without an amount is a refund of all.
    """
    name = _plain(call.event or "")
    if name in _WITH_ID:
        _check_order(name, call.properties or {})
    elif name in _WITH_PRICES:
        for field in _odd_prices(call.properties or {}):
            raise BadCall(field, _NO_AMOUNT)


def odd_prices(call: Call) -> list[BadCall]:
    """The first of any other event, which is kept: an order is worth more than an item's price."""
    if call.type != "track" or not call.properties or _plain(call.event or "") in _WITH_PRICES:
        return []
    why = f"{_NO_AMOUNT}; the event was kept, a mail that shows this price is not sent"
    return [BadCall(field, why) for field in _odd_prices(call.properties)[:1]]


def _check_order(name: str, properties: Plain) -> None:
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


def _odd_prices(properties: Plain) -> list[str]:
    found = ["properties.price"] if _odd(properties) else []
    products = properties.get("products")
    if isinstance(products, list):
        found += [
            f"properties.products[{index}].price"
            for index, product in enumerate(products)
            if isinstance(product, dict) and _odd(product)
        ]
    return found


def _odd(goods: Plain) -> bool:
    price = goods.get("price")
    return price is not None and amount(price) is None


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    return name.strip().casefold()


def _check_id(order: object) -> None:
    if order is None or isinstance(order, bool) or not isinstance(order, str | int):
        raise BadCall("properties.order_id", "is missing; give the order's id, a text or a number")
    if not str(order).strip():
        raise BadCall("properties.order_id", "is empty; give the order's id")
    if len(str(order)) > MAX_ID:
        raise BadCall("properties.order_id", f"is longer than {MAX_ID} characters")
