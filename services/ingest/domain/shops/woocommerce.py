"""WooCommerce: what its webhooks (REST API v3) mean.

An order's status decides, and one fact is told by several deliveries: an order is created
`pending` and paid by an update. So each fact has its own messageId (`order-completed/723`), by
which a repeat within 7 days is known. Its time is the order's own, so a later repeat is too old to
start a journey.

A customer's yes or no to marketing comes again with every change of the customer, so it is a box's
(`consents`): it counts from when it changed. Its first yes counts from when the customer was made,
and an order's from when it was placed, else it would overrule what they unsubscribed from since.

Not mapped, so kept as raw events: coupons, `order.deleted` (it has only an id), `action.*`.
"""

from services.ingest.domain.shops.consents import consented
from services.ingest.domain.shops.facts import (
    fact,
    identifier,
    is_one_of,
    or_gone,
    product_id,
    unless,
)
from services.ingest.domain.shops.table import Part, Topic, every, identify, means, product, track
from services.ingest.domain.shops.values import (
    Fields,
    constant,
    each,
    first,
    joined,
    less,
    listed,
    moment,
    money,
    number,
    source,
    text,
    total,
    user,
    when,
    words,
)
from services.ingest.domain.shops.woocommerce_values import (
    is_hidden,
    is_variable,
    named,
    positive,
    says_no,
    says_yes,
    sent_at,
    shipped_at,
    stock,
    tracking_url,
    trackings,
    unescaped,
    variant,
)

_CREATED, _CHANGED = moment("date_created_gmt"), moment("date_modified_gmt")
_PAID_AT = first(moment("date_paid_gmt"), _CREATED)
_SENT_AT = first(moment("date_completed_gmt"), _CHANGED)
_UNPAID = is_one_of("status", "pending", "checkout-draft")
_PLACED = is_one_of("status", "processing", "on-hold", "completed", "refunded")
_ID, _PARENT_ID = identifier("id"), identifier("parent_id")
_PRODUCT_ID = product_id("id")
_NOW = constant(None)  # when it was received

WHO = Fields(userId=user("customer_id"), email=text("billing.email"))
TRAITS = Fields(
    first_name=text("billing.first_name"),
    last_name=text("billing.last_name"),
    phone=text("billing.phone"),
    company=text("billing.company"),
    city=text("billing.city"),
    country=text("billing.country"),
)
LINE = Fields(
    product_id=product_id("product_id"),
    variant_id=identifier("variation_id"),
    sku=text("sku"),
    name=unescaped("name"),
    price=money("price"),
    quantity=number("quantity"),
    image_url=text("image.src"),
)
CHECKOUT = Fields(
    checkout_id=_ID,
    order_id=_ID,
    value=money("total"),
    currency=text("currency"),
    coupon=text("coupon_lines.0.code"),
    checkout_url=text("payment_url"),
    products=each("line_items", LINE),
)
ORDER = Fields(
    order_id=_ID,
    checkout_id=_ID,
    order_number=text("number"),
    status=text("status"),
    total=money("total"),
    revenue=less(money("total"), money("total_tax"), money("shipping_total")),
    subtotal=total("line_items", money("subtotal")),
    shipping=money("shipping_total"),
    tax=money("total_tax"),
    discount=money("discount_total"),
    currency=text("currency"),
    coupon=text("coupon_lines.0.code"),
    payment_method=text("payment_method_title"),
    shipping_method=unescaped("shipping_lines.0.method_title"),
    products=each("line_items", LINE),
)
REFUND = Fields(
    order_id=_ID,
    refund_id=identifier("one.id"),
    total=positive("one.total"),
    currency=text("currency"),
    reason=first(text("one.reason"), text("one.refund")),
)
SHIPMENT = Fields(
    order_id=_ID,
    order_number=text("number"),
    tracking_number=text("one.tracking_number"),
    tracking_url=tracking_url,
    tracking_company=first(
        text("one.formatted_tracking_provider"),
        text("one.custom_tracking_provider"),
        text("one.tracking_provider"),
    ),
    shipped_at=shipped_at,
)
YES = Fields(state=says_yes, source=constant("woocommerce"), text=source("consent_meta"))
SAID = first(says_yes, says_no)
BOX = Fields(
    state=SAID,
    source=constant("woocommerce"),
    text=source("consent_meta"),
    box=source("via"),
    since=when(says_yes, _CREATED),
)
DELETED = Fields(
    state=constant("unsubscribed"),
    source=constant("woocommerce"),
    text=constant("customer deleted"),
)
YES_TRAITS = Fields(consent=consented(YES))
BOX_TRAITS = Fields(consent=consented(BOX))
DELETED_TRAITS = Fields(consent=consented(DELETED))
CUSTOMER_WHO = Fields(userId=user("id"), email=text("email"))
CUSTOMER = Fields(
    first_name=first(text("first_name"), text("billing.first_name")),
    last_name=first(text("last_name"), text("billing.last_name")),
    name=joined(text("first_name"), text("last_name")),
    phone=text("billing.phone"),
    company=text("billing.company"),
    city=text("billing.city"),
    country=text("billing.country"),
    customer_since=_CREATED,
)
VARIATION = Fields(sku=text("sku"), price=money("price"), name=unescaped("name"), stock=stock)
PRODUCT = Fields(
    name=unescaped("name"),
    url=text("permalink"),
    image_url=or_gone(text("images.0.src")),
    price=or_gone(money("price")),
    currency=source("currency"),
    category=or_gone(unescaped("categories.0.name")),
    tags=or_gone(named("tags")),
    sku=or_gone(text("sku")),
    stock=stock,
    variant_ids=when(is_variable, words("variations")),
)
PARENT = Fields(variants=variant(VARIATION))


_ORDER_FACTS: tuple[Part, ...] = (
    identify(YES_TRAITS, WHO, at=_CREATED, only=says_yes),
    track(
        "Checkout Started",
        CHECKOUT,
        WHO,
        at=_CREATED,
        traits=TRAITS,
        only=_UNPAID,
        fact=fact("checkout-started", _ID),
    ),
    track(
        "Order Completed",
        ORDER,
        WHO,
        at=_PAID_AT,
        traits=TRAITS,
        only=_PLACED,
        fact=fact("order-completed", _ID),
    ),
    track(
        "Order Fulfilled",
        ORDER,
        WHO,
        at=_SENT_AT,
        only=unless(trackings, is_one_of("status", "completed")),
        fact=fact("order-fulfilled", _ID),
    ),
    every(
        trackings,
        track(
            "Order Fulfilled",
            SHIPMENT,
            WHO,
            at=sent_at,
            fact=fact("order-fulfilled", _ID, text("one.tracking_number")),
        ),
    ),
    every(
        listed("refunds"),
        track(
            "Order Refunded",
            REFUND,
            WHO,
            at=_CHANGED,
            fact=fact("order-refunded", _ID, identifier("one.id")),
        ),
    ),
    track(
        "Order Refunded",
        ORDER,
        WHO,
        at=_CHANGED,
        only=unless(listed("refunds"), is_one_of("status", "refunded")),
        fact=fact("order-refunded", _ID),
    ),
    track(
        "Order Cancelled",
        ORDER,
        WHO,
        at=_CHANGED,
        only=is_one_of("status", "cancelled"),
        fact=fact("order-cancelled", _ID),
    ),
)
_ORDER_CHANGED = track(
    "Order Updated",
    ORDER,
    WHO,
    at=_CHANGED,
    traits=TRAITS,
    fact=fact("order-updated", _ID, _CHANGED, text("status")),
)
_CUSTOMER_STATED = (
    identify(CUSTOMER, CUSTOMER_WHO, at=_CHANGED),
    identify(BOX_TRAITS, CUSTOMER_WHO, at=_CHANGED, only=SAID),
)
_PRODUCT_STATED = (
    product(unless(_PARENT_ID, _PRODUCT_ID), PRODUCT, at=_CHANGED, gone=is_hidden),
    product(product_id("parent_id"), PARENT, at=_CHANGED),
)

TOPICS: dict[str, Topic] = {
    "order.created": means(*_ORDER_FACTS),
    "order.updated": means(_ORDER_CHANGED, *_ORDER_FACTS),
    "order.restored": means(_ORDER_CHANGED, *_ORDER_FACTS),
    "customer.created": means(
        *_CUSTOMER_STATED,
        track("Signed Up", CUSTOMER, CUSTOMER_WHO, at=_CREATED, fact=fact("signed-up", _ID)),
    ),
    "customer.updated": means(*_CUSTOMER_STATED),
    "customer.deleted": means(
        identify(DELETED_TRAITS, CUSTOMER_WHO, at=_NOW),
        track(
            "Account Deleted", Fields(), CUSTOMER_WHO, at=_NOW, fact=fact("account-deleted", _ID)
        ),
    ),
    "product.created": means(*_PRODUCT_STATED),
    "product.updated": means(*_PRODUCT_STATED),
    "product.restored": means(*_PRODUCT_STATED),
    "product.deleted": means(product(_PRODUCT_ID, Fields(), at=_NOW, deleted=True)),
}
