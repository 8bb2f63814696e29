"""How BigCommerce writes things: an order's status by number, carts by kinds of items, stock."""

from typing import Any

from services.ingest.domain.shops.facts import is_one_of
from services.ingest.domain.shops.values import (
    GONE,
    Fields,
    Value,
    as_text,
    at,
    filled,
    first,
    items,
    number,
    source,
    summed,
    text,
    total,
)
from shared.contracts.wire import Plain

# https://docs.bigcommerce.com/developer/api-reference/rest/admin/management/orders: order statuses
UNPAID = is_one_of("order.status_id", "0", "1")  # incomplete, pending: the checkout was not ended
PLACED = is_one_of("order.status_id", *["2", "3", "4", "7", "8", "9", "10", "11", "12", "13", "14"])
CANCELLED = is_one_of("order.status_id", "5", "6")  # cancelled, declined
_DONE = is_one_of("order.status_id", "10")
_CART = ("physical_items", "digital_items", "custom_items")
_NEWS = "marketing_newsletter"
_YES, _NO = "subscribed", "unsubscribed"


def is_download(payload: Plain) -> bool:
    """Nothing is shipped, so no shipment will tell that the order is done."""
    return bool(_DONE(payload)) and at(payload, "order.order_is_digital") is True


def lines(fields: Fields) -> Value:
    """A cart's goods, of all kinds."""
    return lambda payload: [
        filled(fields, item) for kind in _CART for item in items(payload, f"cart.line_items.{kind}")
    ]


def goods(payload: Plain) -> bool:
    """Is there anything in the cart?"""
    return any(items(payload, f"cart.line_items.{kind}") for kind in _CART)


def chosen_options(path: str, name: str) -> Value:
    """`Small, Red`: what was chosen of a product's options."""

    def read(payload: Plain) -> str | None:
        return as_text(", ".join(w for one in items(payload, path) if (w := text(name)(one))))

    return read


def says_yes(payload: Plain) -> str | None:
    """A subscriber's `consents`: empty means unsubscribed."""
    return _YES if _NEWS in _consents(payload) else None


def says_no(payload: Plain) -> str | None:
    listed = isinstance(at(payload, "subscriber.consents"), list)
    return _NO if listed and _NEWS not in _consents(payload) else None


def opted_in(payload: Plain) -> str | None:
    """The box at the checkout; one that was left empty takes nothing back."""
    return _YES if at(payload, "order.is_email_opt_in") is True else None


def _consents(payload: Plain) -> list[Any]:
    found = at(payload, "subscriber.consents")
    return found if isinstance(found, list) else []


def _tracking(payload: Plain) -> str | None:
    return as_text(at(payload, "product.inventory_tracking"))


def product_stock(payload: Plain) -> Any:
    """Pieces, where they are counted: by product, or by variant and then of all."""
    said = _tracking(payload)
    if said == "variant":
        return total("product.variants", number("inventory_level"))(payload)
    return (
        number("product.inventory_level")(payload) if said == "product" else GONE if said else None
    )


def variants(fields: Fields) -> Value:
    """`{id: facts}`; a variant's pieces where variants are counted, else null."""

    def read(payload: Plain) -> Plain | None:
        counted = _tracking(payload) == "variant"
        found = {}
        for item in items(payload, "product.variants"):
            name = text("id")(item)
            pieces = number("inventory_level")(item) if counted else None
            if name:
                found[name] = {**filled(fields, item), "stock": pieces}
        return found or None

    return read


def variant_ids(payload: Plain) -> list[str] | None:
    return [n for item in items(payload, "product.variants") if (n := text("id")(item))] or None


def shop_url(payload: Plain) -> str | None:
    """Of the storefront, by the source's settings or the store itself."""
    found: str | None = first(source("url"), text("store.secure_url"))(payload)
    return found.rstrip("/") if found else None


def is_hidden(payload: Plain) -> bool:
    """Not to be seen, or not to be bought."""
    unseen = at(payload, "product.is_visible") is False
    return unseen or as_text(at(payload, "product.availability")) == "disabled"


def discount(payload: Plain) -> Any:
    """Of the order and of its coupons."""
    return summed(number("order.discount_amount"), number("order.coupon_discount"))(payload)
