"""BigCommerce: what has to be fetched for a webhook, and what was found."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from services.ingest.domain.shops.values import as_text, at
from shared.contracts.wire import Plain

# name in the tables' payload -> path of the API; what stands in braces is of the webhook's `data`
Paths = dict[str, str]
_ORDER: Paths = {"order": "/v2/orders/{id}", "products": "/v2/orders/{id}/products?limit=250"}
_CUSTOMER: Paths = {"customer": "/v3/customers?id:in={id}&include=addresses"}
_ADDRESS: Paths = {"customer": "/v3/customers?id:in={address.customer_id}&include=addresses"}
_STORE: Paths = {"store": "/v2/store"}
_CART: Paths = {"cart": "/v3/carts/{id}", **_STORE}
_SUBSCRIBER: Paths = {"subscriber": "/v3/customers/subscribers/{id}"}
_SHIPMENT: Paths = {"shipment": "/v2/orders/{orderId}/shipments/{id}"}


def _product(name: str) -> Paths:
    return {
        "product": f"/v3/catalog/products/{{{name}}}?include=variants,primary_image",
        **_STORE,
    }


WANTS: Mapping[str, Paths] = {
    "store/order/created": _ORDER,
    "store/order/updated": _ORDER,
    "store/order/statusUpdated": _ORDER,
    "store/order/refund/created": {
        "refund": "/v3/orders/payment_actions/refunds/{refund.refund_id}",
        "order": "/v2/orders/{id}",
    },
    "store/cart/created": _CART,
    "store/cart/updated": _CART,
    "store/cart/abandoned": _CART,
    "store/cart/converted": {
        name: path.replace("{id}", "{orderId}") for name, path in _ORDER.items()
    },
    "store/shipment/created": _SHIPMENT,
    "store/shipment/updated": _SHIPMENT,
    "store/customer/created": _CUSTOMER,
    "store/customer/updated": _CUSTOMER,
    "store/customer/address/created": _ADDRESS,
    "store/customer/address/updated": _ADDRESS,
    "store/subscriber/created": _SUBSCRIBER,
    "store/subscriber/updated": _SUBSCRIBER,
    "store/product/created": _product("id"),
    "store/product/updated": _product("id"),
    "store/product/inventory/updated": _product("inventory.product_id"),
    "store/product/inventory/order/updated": _product("inventory.product_id"),
    "store/sku/created": _product("sku.product_id"),
    "store/sku/updated": _product("sku.product_id"),
    "store/sku/deleted": _product("sku.product_id"),
    "store/sku/inventory/updated": _product("inventory.product_id"),
    "store/sku/inventory/order/updated": _product("inventory.product_id"),
}
SAME_FOR_ALL = frozenset(_STORE.values())  # changes seldom, may be remembered
GONE_PRODUCT = "store/product/deleted"
_PLACE = re.compile(r"\{([^}]+)\}")
_ID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
_STORE_HASH = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)


class Unfit(ValueError):  # noqa: N818  named for the fact
    """Nothing can be fetched for this webhook, now or later; says why, without contents."""


class Thin(NamedTuple):
    """A webhook as it comes. `hash` may be the same for two changes of one thing."""

    scope: str
    hash: str
    store_hash: str
    data: Plain


def thin(body: Plain) -> Thin:
    """Total; what is missing is empty."""
    producer = as_text(body.get("producer")) or ""
    data = body.get("data")
    return Thin(
        as_text(body.get("scope")) or "",
        as_text(body.get("hash")) or "",
        producer.removeprefix("stores/"),
        data if isinstance(data, dict) else {},
    )


def wanted(scope: str, data: Plain) -> Paths:
    """What to fetch, each by its path; empty for what speaks for itself. Raises Unfit."""
    return {name: _path(template, data) for name, template in WANTS.get(scope, {}).items()}


def _path(template: str, data: Plain) -> str:
    for place in _PLACE.findall(template):
        found = as_text(at(data, place)) or ""
        if not _ID.fullmatch(found):
            raise Unfit(f"data.{place}: is no id")
        template = template.replace(f"{{{place}}}", found)
    return template


def store_hash(settings: Plain, told: Thin) -> str:
    """Whose API is asked. Raises Unfit."""
    ours = as_text(settings.get("store_hash")) or told.store_hash
    if not _STORE_HASH.fullmatch(ours):
        raise Unfit("producer: names no store; set the source's store_hash")
    if told.store_hash and told.store_hash != ours:
        raise Unfit(f"producer: is the store {told.store_hash[:64]}, the source is {ours}'s")
    return ours


def resource(path: str, fetched: Any) -> Any:
    """What an answer is about: v3 wraps it, and lists customers. None: nothing."""
    if path.startswith("/v3/"):
        fetched = fetched.get("data") if isinstance(fetched, dict) else None
        if is_listed(path):
            fetched = fetched[0] if isinstance(fetched, list) and fetched else None
    return fetched


def is_listed(path: str) -> bool:
    """Does an answer without anything mean that there is no such thing? Else only a 404 does."""
    return path.startswith("/v3/customers?")


def topic_when_gone(scope: str) -> str | None:
    """What it means that the thing is not there any more; None: nothing that can be told."""
    of_product = scope.startswith(("store/product/", "store/sku/"))
    return GONE_PRODUCT if of_product else None
