"""What the trigger's events told: the newest event, the cart they fill, what `where` looks at."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from services.orchestrator.domain.state import Story
from shared.conditions import Where, matches
from shared.conditions.values import amount

MAX_ITEMS = 20
MAX_TEXT = 500
MAX_EVENT = 8_192
_FIELDS = ("product_id", "sku", "name", "price", "image_url", "url", "variant", "category")
_CART_URLS = ("cart_url", "checkout_url")


def begin(at: datetime, properties: Mapping[str, Any], where: Where) -> Story:
    """The story of one event."""
    return further(Story(at=at), at, properties, where)


def further(story: Story, at: datetime, properties: Mapping[str, Any], where: Where) -> Story:
    """The story with one more event, which may be a late one."""
    newest = at >= story.at or not story.event
    seen = dict(story.seen)
    for name, _ in where.checks:
        root = name if name in properties else name.partition(".")[0]
        if root in properties and (name not in seen or seen[name][0] <= at):
            beside = {"currency": properties["currency"]} if "currency" in properties else {}
            seen[name] = (at, beside | {root: properties[root]})
    return Story(
        at=max(at, story.at),
        event=small(properties) if newest else story.event,
        cart=filled(story.cart, properties),
        seen=seen,
    )


def united(ours: Story, theirs: Story) -> Story:
    """One story out of two about the same key; the later one leads."""
    first, last = sorted((ours, theirs), key=lambda s: (s.at, msgspec.json.encode(s.event)))
    seen = dict(first.seen)
    for name, found in last.seen.items():
        if name not in seen or seen[name][0] <= found[0]:
            seen[name] = found
    items = list(first.cart.get("items", ()))
    for item in last.cart.get("items", ()):
        items = _with(items, item)
    cart = first.cart | last.cart | ({"items": items} if items else {})
    return Story(at=last.at, event=last.event or first.event, cart=_totalled(cart), seen=seen)


def holds(where: Where, story: Story) -> bool:
    """Each check of a `where` on the newest event that has its property."""
    return all(
        matches(Where((check,)), story.seen[check[0]][1] if check[0] in story.seen else {})
        for check in where.checks
    )


def small(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties, without the largest if they are too many to carry along."""
    kept = dict(properties)
    sizes = {key: len(msgspec.json.encode(value)) for key, value in kept.items()}
    while sum(sizes.values()) > MAX_EVENT:
        largest = max(sorted(sizes), key=lambda key: sizes[key])
        del kept[largest], sizes[largest]
    return kept


def filled(cart: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """The cart after an event: a list of products is all of it, one product is one more."""
    filled = dict(cart)
    listed = properties.get("products")
    if isinstance(listed, list):
        items: list[dict[str, Any]] = []
        for product in listed:
            items = _with(items, _item(product)) if isinstance(product, dict) else items
        filled["items"] = items
        filled.pop("total", None)
        total = next((v for n in ("total", "value") if (v := amount(properties.get(n)))), None)
        if total is not None:
            filled["given_total"] = total
    else:
        filled["items"] = _with(list(filled.get("items", ())), _item(properties))
        filled.pop("given_total", None)
    if isinstance(properties.get("currency"), str):
        filled["currency"] = properties["currency"][:3]
    for name in _CART_URLS:
        url = properties.get(name)
        if isinstance(url, str) and len(url) <= MAX_TEXT:
            filled["url"] = url
            break
    return _totalled(filled)


def _item(product: Mapping[str, Any]) -> dict[str, Any]:
    """The fields a template may show; nothing that is missing, so that defaults work."""
    item = {
        key: value
        for key in _FIELDS
        if isinstance(value := product.get(key), str | int | Decimal)
        and not isinstance(value, bool)
        and (not isinstance(value, str) or 0 < len(value) <= MAX_TEXT)
    }
    if item:
        quantity = amount(product.get("quantity"))
        item["quantity"] = int(quantity) if quantity is not None and quantity >= 1 else 1
    return item


def _with(items: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """The items with one more; more of the same product raises its quantity."""
    if not new:
        return items
    for index, item in enumerate(items):
        if _same(item, new):
            more = item | new | {"quantity": item["quantity"] + new["quantity"]}
            return [*items[:index], more, *items[index + 1 :]]
    return [*items, new][-MAX_ITEMS:]


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    for key in ("product_id", "sku", "name"):
        if key in a or key in b:
            same = a.get(key) == b.get(key)
            return same and a.get("variant") == b.get("variant")
    return False


def _totalled(cart: dict[str, Any]) -> dict[str, Any]:
    """With the total the shop gave for the whole cart, or the sum where all prices are known."""
    total = cart.get("given_total")
    prices = [amount(item.get("price")) for item in cart.get("items", ())]
    if total is None and prices and all(price is not None for price in prices):
        quantities = [item["quantity"] for item in cart["items"]]
        pairs = zip(prices, quantities, strict=True)
        total = sum((p * q for p, q in pairs if p is not None), Decimal(0))
    kept = {key: value for key, value in cart.items() if key != "total"}
    return kept | ({"total": total} if total is not None else {})


def data(story: Story) -> dict[str, Any]:
    """The roots `event` and `cart` of a template; `cart.items` is always there."""
    cart = {key: value for key, value in story.cart.items() if key != "given_total"}
    return {"event": story.event, "cart": {"items": [], **cart}}
