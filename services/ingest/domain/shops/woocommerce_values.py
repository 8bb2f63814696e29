"""How WooCommerce writes things (REST API v3): meta data, entities, negative refunds, its ping."""

import html
import re
from hashlib import sha256
from typing import Any

from services.ingest.domain.shops.values import (
    GONE,
    Fields,
    Value,
    as_moment,
    as_text,
    at,
    filled,
    first,
    items,
    number,
    source,
    text,
)
from shared.conditions.values import amount
from shared.contracts.wire import Plain

TRACKING = "_wc_shipment_tracking_items"  # of the extension Shipment Tracking, and its kin
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_YES, _NO = {"1", "yes", "true", "on", "subscribed"}, {"0", "no", "false", "off", "unsubscribed"}
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def is_ping(content_type: str, body: bytes) -> bool:
    """What WooCommerce posts when a webhook is saved: `webhook_id=142`, form-encoded, without a
    signature and without any X-WC header (`WC_Webhook::deliver_ping`). It wants 200 and no other.
    """
    form = content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"
    return form and _PING.fullmatch(body.strip()) is not None


def delivery_id(topic: str, body: bytes) -> str:
    """What a delivery is known by. WooCommerce's own X-WC-Webhook-Delivery-ID is a hash of the
    webhook and the second: of two orders paid in one second it would swallow one.
    """
    return sha256(topic.encode() + b"\0" + body).hexdigest()[:32]


def status(*names: str) -> Value:
    """Is it one of these?"""
    return lambda payload: as_text(at(payload, "status")) in names


def identifier(path: str) -> Value:
    """An id; 0 is none."""
    return lambda payload: found if (found := as_text(at(payload, path))) != "0" else None


def unescaped(path: str) -> Value:
    """A text whose entities are characters again: `Ship Your Idea &ndash; Black`."""
    return lambda payload: as_text(html.unescape(as_text(at(payload, path)) or ""))


def positive(path: str) -> Value:
    """A refund's total is `-10.00`."""
    return lambda payload: abs(found) if (found := amount(at(payload, path))) is not None else None


def less(path: str, *others: str) -> Value:
    """An amount without others: the revenue is the total without taxes and shipping."""

    def read(payload: Plain) -> Any:
        whole = amount(at(payload, path))
        taken = [one for other in others if (one := amount(at(payload, other))) is not None]
        return None if whole is None else amount(whole - sum(taken))

    return read


def named(path: str) -> Value:
    """The names of a list of objects."""
    return lambda payload: [n for one in items(payload, path) if (n := text("name")(one))] or None


def fact(name: str, *parts: Value) -> Value:
    """`order-completed/723`: a fact's own name, told by however many deliveries."""

    def read(payload: Plain) -> str | None:
        found = [part(payload) for part in parts]
        return None if None in found else "/".join([name, *map(str, found)])

    return read


def meta(payload: Plain, key: str | None) -> Any:
    """A value of `meta_data`, the last of that key."""
    found = [one.get("value") for one in items(payload, "meta_data") if one.get("key") == key]
    return found[-1] if found and key else None


def trackings(payload: Plain) -> list[Plain]:
    """The parcels of an order."""
    return items({"found": meta(payload, TRACKING)}, "found")


def tracking_url(payload: Plain) -> str | None:
    """A carrier's link may have `%1$s` in the number's place."""
    names = ("formatted_tracking_link", "ast_tracking_link", "custom_tracking_link")
    link: str | None = first(*(text(f"one.{name}") for name in names))(payload)
    return link.replace("%1$s", text("one.tracking_number")(payload) or "") if link else None


def shipped_at(payload: Plain) -> str | None:
    """Seconds since 1970 as a text, or a day."""
    found = as_text(at(payload, "one.date_shipped")) or ""
    return as_moment(int(found) if _SECONDS.fullmatch(found) else found)


def stock(payload: Plain) -> Any:
    """Pieces where WooCommerce counts them; else none or unknown."""
    if at(payload, "manage_stock") is True:
        return number("stock_quantity")(payload)
    said = as_text(at(payload, "stock_status"))
    return None if said is None else 0 if said == "outofstock" else GONE


def variant(fields: Fields) -> Value:
    """`{id: facts}`: a variation comes as a product of its own, with `parent_id`."""
    return lambda payload: (
        {name: filled(fields, payload)} if (name := identifier("id")(payload)) else None
    )


def consent(payload: Plain) -> Plain | None:
    """By the meta key that the source's setting `consent_meta` names: WooCommerce has no field of
    its own for it. What is neither a yes nor a no states nothing.
    """
    said = meta(payload, source("consent_meta")(payload))
    word = str(said).lower() if isinstance(said, bool) else (as_text(said) or "").lower()
    state = "subscribed" if word in _YES else "unsubscribed" if word in _NO else None
    topic = source("consent_topic")(payload) or "marketing"
    return {topic: {"state": state, "source": "woocommerce"}} if state else None


def consent_at_checkout(payload: Plain) -> Plain | None:
    """A box that was left empty at a checkout takes nothing back."""
    said = consent(payload) or {}
    given = {topic: word for topic, word in said.items() if word["state"] == "subscribed"}
    return given or None


def is_variable(payload: Plain) -> bool:
    return as_text(at(payload, "type")) == "variable"


def is_hidden(payload: Plain) -> bool:
    """A draft, a private product, one in the trash: no mail may show it."""
    return as_text(at(payload, "status")) not in (None, "publish")
