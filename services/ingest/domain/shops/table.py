"""The language of the shops' tables: what a topic of a shop's webhooks becomes.

A shop's file ends with `TOPICS`: topic -> `means(track(...), identify(...), product(...))`, each by
tables of fields (`values.Fields`). All of it is total: whatever JSON object comes, it never raises.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, NamedTuple

from services.ingest.domain.shops.values import SOURCE, Fields, Value, at, filled
from services.ingest.domain.validation import MAX_EVENT_BYTES
from shared.contracts.codec import encode
from shared.contracts.wire import Plain

Shop = Literal["shopify", "woocommerce", "bigcommerce"]
MAX_FACT = 120
LEFT_OUT = "products_left_out"  # how many of an order's products had no room in the event


class Delivery(NamedTuple):
    """What a webhook brought. `body`: decoded, fractions as Decimal. `settings`: the source's,
    such as `url` (`https://shop.example.com`) and `user_id_prefix`; no secrets.
    """

    shop: Shop
    source: str
    topic: str
    id: str
    body: Plain
    received_at: datetime
    settings: Plain

    @property
    def via(self) -> str:
        """The door, as messages name it: `shopify/main`."""
        return f"{self.shop}/{self.source}"


class ProductFacts(NamedTuple):
    """What becomes a ProductChanged. `at`: ISO 8601, None if the shop does not say when."""

    product: str
    facts: Plain
    deleted: bool = False
    at: str | None = None


class StockFacts(NamedTuple):
    """What becomes a StockChanged: pieces of an item that does not name its product."""

    item: str
    location: str
    stock: int | None
    at: str | None = None


class Meaning(NamedTuple):
    """Segment's calls, and the products and stock that a delivery speaks of. All empty: nothing."""

    calls: list[Plain]
    products: list[ProductFacts]
    stock: list[StockFacts]


Said = Plain | ProductFacts | StockFacts
Part = Callable[[Plain], Said | list[Said] | None]
Topic = Callable[[Delivery], Meaning]


def means(*parts: Part) -> Topic:
    """A topic's meaning: its parts, in this order. A part that says nothing is left out."""

    def meaning(delivery: Delivery) -> Meaning:
        payload = {**delivery.body, SOURCE: {**delivery.settings, "via": delivery.via}}
        said = [one for part in parts for one in _several(part(payload))]
        calls = [one for one in said if isinstance(one, dict)]
        products = [one for one in said if isinstance(one, ProductFacts)]
        stock = [one for one in said if isinstance(one, StockFacts)]
        return Meaning([_signed(c, delivery, i) for i, c in enumerate(calls)], products, stock)

    return meaning


def _several(found: Said | list[Said] | None) -> list[Said]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def every(things: Callable[[Plain], list[Plain]], part: Part) -> Part:
    """The part for each of several objects; the object stands in the payload as `one`."""
    return lambda payload: [
        said for one in things(payload) for said in _several(part({**payload, "one": one}))
    ]


def track(
    event: str,
    properties: Fields,
    who: Fields,
    *,
    at: Value,
    traits: Fields | None = None,
    only: Value | None = None,
    fact: Value | None = None,
) -> Part:
    """An event. `who` fills userId, anonymousId and email; `traits`, said by the way, are the
    contact's (context.traits). Only if `only` is there and true. `fact`: what makes a repeat a
    repeat, such as `order-completed/723`, where several deliveries tell the same.
    """

    def part(payload: Plain) -> Plain | None:
        if only is not None and not only(payload):
            return None
        ids = filled(who, payload)
        email = {"email": ids.pop("email")} if "email" in ids else {}
        known = {**filled(traits or Fields(), payload), **email}
        context = {"context": {"traits": known}} if known else {}
        said = filled(properties, payload)
        found = _call(payload, at, type="track", event=event, **ids, properties=said, **context)
        name = fact(payload) if fact else None
        return {**found, "messageId": name} if name and len(name) <= MAX_FACT else found

    return part


def identify(traits: Fields, who: Fields, *, at: Value, only: Value | None = None) -> Part:
    """What is known of the contact; `email` of `who` is a trait."""

    def part(payload: Plain) -> Plain | None:
        if only is not None and not only(payload):
            return None
        ids = filled(who, payload)
        email = {"email": ids.pop("email")} if "email" in ids else {}
        said = {**filled(traits, payload), **email}
        return _call(payload, at, type="identify", **ids, traits=said) if said else None

    return part


def product(
    key: Value, facts: Fields, *, at: Value, deleted: bool = False, gone: Value | None = None
) -> Part:
    """A product's facts; nothing without its id. It is deleted, or `gone` from sale by a value."""

    def part(payload: Plain) -> ProductFacts | None:
        found = key(payload)
        if found is None:
            return None
        away = deleted or bool(gone and gone(payload))
        return ProductFacts(str(found), {} if away else filled(facts, payload), away, at(payload))

    return part


def stock(item: Value, location: Value, pieces: Value, *, at: Value) -> Part:
    """Pieces of an inventory item at a location; null: they are not counted there."""

    def part(payload: Plain) -> StockFacts | None:
        found, count = item(payload), pieces(payload)
        if found is None:
            return None
        place = location(payload) or ""
        return StockFacts(found, place, count if isinstance(count, int) else None, at(payload))

    return part


def _call(payload: Plain, when: Value, **said: Any) -> Plain:
    moment = when(payload)
    return {**said, "timestamp": moment} if moment else said


def _signed(call: Plain, delivery: Delivery, index: int) -> Plain:
    """A repeat of the delivery or the fact makes the same messageIds, so it changes nothing."""
    context = {**call.get("context", {}), "source": delivery.via}
    name = f"{delivery.via}/{call.get('messageId') or f'{delivery.id}/{index}'}"
    return fitting({**call, "messageId": name, "context": context})


def fitting(call: Plain, limit: int = MAX_EVENT_BYTES) -> Plain:
    """The call with as many of its products as an event has room for; an order is worth more than
    its last lines.
    """
    products = at(call, "properties.products")
    size = len(encode(call))
    if size <= limit or not isinstance(products, list):
        return call
    room = limit - (size - sum(len(encode(one)) + 1 for one in products)) - 100
    kept = 0
    while kept < len(products) and (room := room - len(encode(products[kept])) - 1) >= 0:
        kept += 1
    shorter = {"products": products[:kept], LEFT_OUT: len(products) - kept}
    return {**call, "properties": {**call["properties"], **shorter}}
