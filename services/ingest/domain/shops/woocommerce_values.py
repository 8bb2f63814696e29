"""How WooCommerce writes things (REST API v3): meta data, entities, negative refunds, its ping."""

import html
import re
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from services.ingest.domain.shops.facts import identifier
from services.ingest.domain.shops.values import (
    GONE,
    Fields,
    Value,
    as_moment,
    as_text,
    at,
    constant,
    filled,
    first,
    items,
    moment,
    number,
    source,
    text,
)
from shared.conditions.values import amount
from shared.contracts.wire import Plain

TRACKING = "_wc_shipment_tracking_items"  # of the extension Shipment Tracking, and its kin
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_YES = dict.fromkeys(("1", "yes", "true", "on", "subscribed"), "subscribed")
_NO = dict.fromkeys(("0", "no", "false", "off", "unsubscribed"), "unsubscribed")
_DAY = timedelta(days=1)
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


def unescaped(path: str) -> Value:
    """A text whose entities are characters again: `Ship Your Idea &ndash; Black`."""
    return lambda payload: as_text(html.unescape(as_text(at(payload, path)) or ""))


def positive(path: str) -> Value:
    """A refund's total is `-10.00`."""
    return lambda payload: abs(found) if (found := amount(at(payload, path))) is not None else None


def named(path: str) -> Value:
    """The names of a list of objects."""
    return lambda payload: [n for one in items(payload, path) if (n := text("name")(one))] or None


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


def sent_at(payload: Plain) -> str | None:
    """When a parcel went. The order is changed for many reasons later, and tells it each time; a
    day is all that is known, so: the change on that day, else the day's end, but not before the
    order was paid.
    """
    shipped, changed = shipped_at(payload), as_moment(at(payload, "date_modified_gmt"))
    if shipped is None or changed is None:
        found: str | None = first(moment("date_completed_gmt"), constant(changed))(payload)
        return found
    day, told = datetime.fromisoformat(shipped), datetime.fromisoformat(changed)
    if told - _DAY < day:
        return changed
    began = first(moment("date_paid_gmt"), moment("date_created_gmt"), constant(shipped))(payload)
    return as_moment(min(told, max(day + _DAY, datetime.fromisoformat(began))).isoformat())


def stock(payload: Plain) -> Any:
    """Pieces where WooCommerce counts them; null where it does not, or sells beyond them."""
    if at(payload, "backorders_allowed") is True:
        return GONE
    if at(payload, "manage_stock") is True:
        return number("stock_quantity")(payload)
    said = as_text(at(payload, "stock_status"))
    return None if said is None else 0 if said == "outofstock" else GONE


def variant(fields: Fields) -> Value:
    """`{id: facts}`: a variation comes as a product of its own, with `parent_id`."""
    return lambda payload: (
        {name: filled(fields, payload)} if (name := identifier("id")(payload)) else None
    )


def says_yes(payload: Plain) -> str | None:
    """By the meta key that the source's setting `consent_meta` names: WooCommerce has no field of
    its own for consent. What is neither a yes nor a no states nothing.
    """
    return _YES.get(_word(payload))


def says_no(payload: Plain) -> str | None:
    return _NO.get(_word(payload))


def _word(payload: Plain) -> str:
    said = meta(payload, source("consent_meta")(payload))
    return str(said).lower() if isinstance(said, bool) else (as_text(said) or "").lower()


def is_variable(payload: Plain) -> bool:
    return as_text(at(payload, "type")) == "variable"


def is_hidden(payload: Plain) -> bool:
    """A draft, a private product, one in the trash: no mail may show it."""
    return as_text(at(payload, "status")) not in (None, "publish")
