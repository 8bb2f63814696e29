"""BigCommerce's webhooks: what each means, once what it speaks of was fetched. Fields:
`bigcommerce_goods`, `bigcommerce_people`.

A webhook is thin (`scope`, `data: {type, id}`). `bigcommerce_wants` says what is fetched for it;
the tables read `{"data": the webhook's data, "order": …, "products": […]}`: v2 orders and
shipments, v3 carts, customers, subscribers, products, refunds. `created` and `updated` fire
together, so each fact has its own messageId. A checkout has its cart's id.
"""

from services.ingest.domain.shops.bigcommerce_goods import (
    CART,
    CHECKOUT,
    ORDER,
    PRODUCT,
    REFUND,
    SHIPMENT,
)
from services.ingest.domain.shops.bigcommerce_people import (
    BOX_TRAITS,
    BUYER,
    BUYER_TRAITS,
    CART_OWNER,
    CART_TRAITS,
    CUSTOMER,
    CUSTOMER_WHO,
    DELETED_TRAITS,
    GONE_CUSTOMER,
    OPT_IN_TRAITS,
    SHIPMENT_OWNER,
    SUBSCRIBER,
    SUBSCRIBER_WHO,
)
from services.ingest.domain.shops.bigcommerce_values import (
    CANCELLED,
    PLACED,
    UNPAID,
    goods,
    is_download,
    is_hidden,
    opted_in,
    says_no,
    says_yes,
)
from services.ingest.domain.shops.facts import fact, product_id, unless
from services.ingest.domain.shops.table import Part, Topic, identify, means, product, track
from services.ingest.domain.shops.values import Fields, Value, constant, first, moment, text

_NOW = constant(None)  # when it was received
_ORDER_ID = text("order.id")
_PLACED_AT, _CHANGED = moment("order.date_created"), moment("order.date_modified")
_PRODUCT_ID = first(
    product_id("data.sku.product_id"),
    product_id("data.inventory.product_id"),
    product_id("data.id"),
)


def _order(event: str, fields: Fields, name: str, time: Value, only: Value) -> Part:
    return track(
        event, fields, BUYER, at=time, traits=BUYER_TRAITS, only=only, fact=fact(name, _ORDER_ID)
    )


_ORDER_FACTS: tuple[Part, ...] = (
    identify(OPT_IN_TRAITS, BUYER, at=_PLACED_AT, only=opted_in),
    _order("Checkout Started", CHECKOUT, "checkout-started", _PLACED_AT, UNPAID),
    _order("Order Completed", ORDER, "order-completed", _PLACED_AT, PLACED),
    _order("Order Fulfilled", ORDER, "order-fulfilled", _CHANGED, is_download),
    _order("Order Cancelled", ORDER, "order-cancelled", _CHANGED, CANCELLED),
)
_ORDER_CHANGED = track(
    "Order Updated",
    ORDER,
    BUYER,
    at=_CHANGED,
    traits=BUYER_TRAITS,
    fact=fact("order-updated", _ORDER_ID, _CHANGED, text("order.status_id")),
)


def _shipment(event: str, name: str) -> Topic:
    time = moment("shipment.date_created") if name == "order-fulfilled" else _NOW
    of_shipment = fact(name, text("shipment.order_id"), text("shipment.id"))
    told = of_shipment if name == "order-fulfilled" else None
    return means(track(event, SHIPMENT, SHIPMENT_OWNER, at=time, fact=told))


def _cart(event: str, name: str, only: Value) -> Part:
    time = moment("cart.updated_time")
    told = fact(name, text("cart.id"), time)
    return track(event, CART, CART_OWNER, at=time, traits=CART_TRAITS, only=only, fact=told)


_CART_CHANGED = means(
    _cart("Product Added", "cart", goods),
    _cart("Product Removed", "cart-empty", unless(goods, text("cart.id"))),
)
_CUSTOMER_STATED = identify(CUSTOMER, CUSTOMER_WHO, at=moment("customer.date_modified"))
_SUBSCRIBER_CHANGED = moment("subscriber.date_modified")
_SUBSCRIBER_STATED = means(
    identify(SUBSCRIBER, SUBSCRIBER_WHO, at=_SUBSCRIBER_CHANGED),
    identify(BOX_TRAITS, SUBSCRIBER_WHO, at=_SUBSCRIBER_CHANGED, only=first(says_yes, says_no)),
)
_PRODUCT_STATED = means(
    product(product_id("product.id"), PRODUCT, at=moment("product.date_modified"), gone=is_hidden)
)
# Also what a product means that is not there any more when it is looked for.
PRODUCT_GONE = means(product(_PRODUCT_ID, Fields(), at=_NOW, deleted=True))

TOPICS: dict[str, Topic] = {
    "store/order/created": means(*_ORDER_FACTS),
    "store/order/updated": means(_ORDER_CHANGED, *_ORDER_FACTS),
    "store/order/statusUpdated": means(_ORDER_CHANGED, *_ORDER_FACTS),
    "store/order/refund/created": means(
        track(
            "Order Refunded",
            REFUND,
            BUYER,
            at=moment("refund.created"),
            fact=fact("order-refunded", _ORDER_ID, text("refund.id")),
        )
    ),
    "store/cart/created": _CART_CHANGED,
    "store/cart/updated": _CART_CHANGED,
    "store/cart/abandoned": means(_cart("Cart Abandoned", "cart-abandoned", goods)),
    "store/cart/converted": means(*_ORDER_FACTS),
    "store/shipment/created": _shipment("Order Fulfilled", "order-fulfilled"),
    "store/shipment/updated": _shipment("Shipment Updated", "shipment-updated"),
    "store/customer/created": means(
        _CUSTOMER_STATED,
        track(
            "Signed Up",
            CUSTOMER,
            CUSTOMER_WHO,
            at=moment("customer.date_created"),
            fact=fact("signed-up", text("customer.id")),
        ),
    ),
    "store/customer/updated": means(_CUSTOMER_STATED),
    "store/customer/address/created": means(_CUSTOMER_STATED),
    "store/customer/address/updated": means(_CUSTOMER_STATED),
    "store/customer/deleted": means(
        identify(DELETED_TRAITS, GONE_CUSTOMER, at=_NOW),
        track(
            "Account Deleted",
            Fields(),
            GONE_CUSTOMER,
            at=_NOW,
            fact=fact("account-deleted", text("data.id")),
        ),
    ),
    "store/subscriber/created": _SUBSCRIBER_STATED,
    "store/subscriber/updated": _SUBSCRIBER_STATED,
    **dict.fromkeys(
        (
            "store/product/created",
            "store/product/updated",
            "store/product/inventory/updated",
            "store/product/inventory/order/updated",
            "store/sku/created",
            "store/sku/updated",
            "store/sku/deleted",
            "store/sku/inventory/updated",
            "store/sku/inventory/order/updated",
        ),
        _PRODUCT_STATED,
    ),
    "store/product/deleted": PRODUCT_GONE,
}
