"""Shopify: products, field by field."""

from services.ingest.domain.shops.values import (
    GONE,
    Fields,
    Value,
    as_text,
    at,
    chosen,
    constant,
    first,
    keyed,
    moment,
    money,
    number,
    source,
    text,
    words,
)
from shared.contracts.wire import Plain


def _stock(variant: Plain) -> object:
    """Pieces; null where they are not counted, or where the variant is sold beyond them."""
    uncounted = "inventory_management" in variant and not variant["inventory_management"]
    endless = as_text(at(variant, "inventory_policy")) == "continue"
    if uncounted or endless:
        return GONE
    pieces = number("inventory_quantity")(variant)
    return pieces if isinstance(pieces, int) else None


def _or_gone(value: Value) -> Value:
    """A product is told whole: what it does not have, it has no more."""
    return first(value, constant(GONE))


VARIANT = Fields(
    sku=text("sku"),
    price=money("price"),
    name=text("title"),
    stock=_stock,
    inventory_item=text("inventory_item_id"),
)


def _ids(payload: Plain) -> list[str] | None:
    found = keyed("variants", text("id"), Fields())(payload)
    return list(found) if found else None


def _url(payload: Plain) -> str | None:
    shop, handle = source("url")(payload), text("handle")(payload)
    return f"{shop}/products/{handle}" if shop and handle else None


PRODUCT = Fields(
    name=text("title"),
    url=_url,
    image_url=_or_gone(first(text("image.src"), text("images.0.src"))),
    price=money("variants.0.price"),
    currency=source("currency"),
    category=_or_gone(text("product_type")),
    brand=_or_gone(text("vendor")),
    sku=_or_gone(text("variants.0.sku")),
    tags=_or_gone(words("tags")),
    variants=keyed("variants", text("id"), VARIANT),
    variant_ids=_ids,
)
OFF_SALE = chosen("status", {"draft": "yes", "archived": "yes", "unlisted": "yes"})
SOLD_AT = first(moment("updated_at"), moment("created_at"))
