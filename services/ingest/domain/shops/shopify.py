"""Shopify's webhooks: what each topic becomes. Fields: `shopify_goods`, `shopify_people`,
`shopify_products`.

Payloads: https://shopify.dev/docs/api/webhooks/2026-07 (as of 2026-09-11).

Money is in the shop's currency. `buyer_accepts_marketing` is a property only: it says nothing of
when, and what somebody has unsubscribed from since must not come back by an order. Consent comes
with Shopify's own time of it, in `email_marketing_consent`.
"""

from services.ingest.domain.shops.facts import product_id
from services.ingest.domain.shops.shopify_goods import (
    CANCELLED,
    CART,
    CHECKOUT,
    DELIVERED,
    FULFILLED,
    GONE_CHECKOUT,
    HAS_LINES,
    NOT_SHIPPED,
    ORDER,
    REFUND,
    SHIPMENT,
    money_back,
)
from services.ingest.domain.shops.shopify_people import (
    BUYER,
    BUYER_CONSENT_TRAITS,
    BUYER_TRAITS,
    CART_OF_BUYER,
    CART_OWNER,
    CHECKOUT_OWNER,
    CONCERNED,
    CONSENT_TRAITS,
    CONSENTING,
    CUSTOMER,
    CUSTOMER_TRAITS,
    IS_KNOWN,
    NO_MORE_TRAITS,
    REDACTED_TRAITS,
    REFUNDED,
    SHIPMENT_OWNER,
    says,
)
from services.ingest.domain.shops.shopify_products import OFF_SALE, PRODUCT, SOLD_AT
from services.ingest.domain.shops.table import Part, Topic, identify, means, product, stock, track
from services.ingest.domain.shops.values import (
    Fields,
    Value,
    constant,
    first,
    joined,
    moment,
    number,
    text,
)


def _not(value: Value) -> Value:
    return lambda payload: None if value(payload) else True


def _fact(name: str, path: str) -> Value:
    """Two subscriptions to a topic tell a thing twice; it is one."""
    return joined(constant(name), text(path), by="/")


def _order(event: str, fields: Fields, name: str, time: str) -> Part:
    when_it_was = first(moment(time), moment("updated_at"))
    return track(event, fields, BUYER, at=when_it_was, fact=_fact(name, "id"))


UPDATED = first(moment("updated_at"), moment("created_at"))
NOW = constant(None)  # when it was received

BUYER_PART = identify(BUYER_TRAITS, CART_OF_BUYER, at=moment("created_at"), only=IS_KNOWN)
BUYER_CONSENT = identify(
    BUYER_CONSENT_TRAITS,
    CONCERNED,
    at=moment("customer.email_marketing_consent.consent_updated_at"),
    only=says(BUYER_CONSENT_TRAITS),
)
CONSENT_TIME = moment("email_marketing_consent.consent_updated_at")
CUSTOMER_PART = identify(CUSTOMER_TRAITS, CUSTOMER, at=UPDATED)
CUSTOMER_CONSENT = identify(CONSENT_TRAITS, CUSTOMER, at=CONSENT_TIME, only=says(CONSENT_TRAITS))

CART_CHANGED = means(
    track("Product Added", CART, CART_OWNER, at=UPDATED, only=HAS_LINES),
    track("Product Removed", CART, CART_OWNER, at=UPDATED, only=_not(HAS_LINES)),
)
CHECKOUT_PEOPLE = identify(BUYER_TRAITS, CHECKOUT_OWNER, at=UPDATED, only=IS_KNOWN)
PRODUCT_CHANGED = means(product(product_id("id"), PRODUCT, at=SOLD_AT, gone=OFF_SALE))

STOCKED = means(
    stock(text("inventory_item_id"), text("location_id"), number("available"), at=UPDATED)
)

TOPICS: dict[str, Topic] = {
    "carts/create": CART_CHANGED,
    "carts/update": CART_CHANGED,
    "checkouts/create": means(
        CHECKOUT_PEOPLE,
        track("Checkout Started", CHECKOUT, CHECKOUT_OWNER, at=moment("created_at")),
    ),
    "checkouts/update": means(
        CHECKOUT_PEOPLE,
        track(
            "Checkout Step Completed",
            CHECKOUT,
            CHECKOUT_OWNER,
            at=UPDATED,
            only=_not(moment("completed_at")),
        ),
    ),
    "checkouts/delete": means(track("Checkout Deleted", GONE_CHECKOUT, CHECKOUT_OWNER, at=NOW)),
    "orders/create": means(
        BUYER_PART,
        BUYER_CONSENT,
        _order("Order Completed", ORDER, "order-completed", "created_at"),
    ),
    "orders/updated": means(track("Order Updated", ORDER, BUYER, at=UPDATED)),
    "orders/paid": means(_order("Order Paid", ORDER, "order-paid", "updated_at")),
    "orders/fulfilled": means(
        track(
            "Order Fulfilled",
            FULFILLED,
            BUYER,
            at=UPDATED,
            fact=_fact("fulfilled", "fulfillments.last.id"),
        )
    ),
    "orders/cancelled": means(
        _order("Order Cancelled", CANCELLED, "order-cancelled", "cancelled_at")
    ),
    "refunds/create": means(
        track(
            "Order Refunded",
            REFUND,
            REFUNDED,
            at=first(moment("processed_at"), moment("created_at")),
            only=money_back,
            fact=_fact("refund", "id"),
        )
    ),
    "fulfillments/create": means(
        track(
            "Order Fulfilled",
            SHIPMENT,
            SHIPMENT_OWNER,
            at=moment("created_at"),
            only=_not(NOT_SHIPPED),
            fact=_fact("fulfilled", "id"),
        )
    ),
    "fulfillments/update": means(
        track(
            "Order Delivered",
            SHIPMENT,
            SHIPMENT_OWNER,
            at=UPDATED,
            only=DELIVERED,
            fact=_fact("delivered", "id"),
        ),
        track("Shipment Updated", SHIPMENT, SHIPMENT_OWNER, at=UPDATED, only=_not(DELIVERED)),
    ),
    "customers/create": means(
        CUSTOMER_PART,
        CUSTOMER_CONSENT,
        track(
            "Signed Up",
            CUSTOMER_TRAITS,
            CUSTOMER,
            at=moment("created_at"),
            fact=_fact("signed-up", "id"),
        ),
    ),
    "customers/update": means(CUSTOMER_PART, CUSTOMER_CONSENT),
    "customers/delete": means(
        identify(NO_MORE_TRAITS, CUSTOMER, at=NOW),
        track("Account Deleted", Fields(), CUSTOMER, at=NOW),
    ),
    "customers_email_marketing_consent/update": means(
        identify(CONSENT_TRAITS, CONSENTING, at=CONSENT_TIME, only=says(CONSENT_TRAITS))
    ),
    "products/create": PRODUCT_CHANGED,
    "products/update": PRODUCT_CHANGED,
    "products/delete": means(product(product_id("id"), Fields(), at=NOW, deleted=True)),
    "inventory_levels/connect": STOCKED,
    "inventory_levels/update": STOCKED,
    "inventory_levels/disconnect": STOCKED,  # without a number: not counted there any more
    "customers/data_request": means(
        track(
            "Data Requested",
            Fields(),
            CONCERNED,
            at=NOW,
            fact=_fact("data-request", "data_request.id"),
        )
    ),
    "customers/redact": means(
        identify(REDACTED_TRAITS, CONCERNED, at=NOW),
        track("Data Erasure Requested", Fields(), CONCERNED, at=NOW),
    ),
}
