"""Shopify: carts, checkouts, orders, shipments and refunds, field by field."""

from decimal import Decimal

from services.ingest.domain.shops.facts import product_id
from services.ingest.domain.shops.shopify_people import token
from services.ingest.domain.shops.values import (
    Fields,
    Value,
    as_text,
    chosen,
    constant,
    each,
    first,
    flag,
    joined,
    less,
    lower,
    money,
    number,
    source,
    summed,
    text,
    total,
    when,
    words,
)
from shared.conditions.values import amount
from shared.contracts.wire import Plain

LINE = Fields(
    product_id=product_id("product_id"),
    sku=text("sku"),
    name=first(text("title"), text("name")),
    variant=first(text("variant_title"), text("presentment_variant_title")),
    variant_id=text("variant_id"),
    brand=text("vendor"),
    price=first(money("discounted_price"), money("price")),
    quantity=number("quantity"),
    image_url=first(text("image_url"), text("featured_image.url")),
)

_FIRST_LINE = "line_items.0.price_set.shop_money.currency_code"
CART = Fields(
    cart_id=first(token("token"), token("id")),
    products=first(each("line_items", LINE), constant([])),
    value=first(total("line_items", money("line_price")), constant(0)),
    currency=first(text("currency"), text(_FIRST_LINE), source("currency")),
    cart_url=joined(source("url"), constant("/cart"), by=""),
    note=text("note"),
)

# A checkout's amounts are in the currency that the customer sees, an order's in the shop's.
CHECKOUT = Fields(
    checkout_id=first(text("token"), text("id")),
    cart_id=token("cart_token"),
    value=money("total_line_items_price"),
    total=money("total_price"),
    subtotal=money("subtotal_price"),
    tax=money("total_tax"),
    shipping=total("shipping_lines", money("price")),
    shipping_method=text("shipping_lines.0.title"),
    discount=money("total_discounts"),
    coupon=text("discount_codes.0.code"),
    currency=first(text("presentment_currency"), text("currency")),
    products=each("line_items", LINE),
    checkout_url=text("abandoned_checkout_url"),
    landing_page=text("landing_site"),
    referrer=text("referring_site"),
    accepts_marketing=flag("buyer_accepts_marketing"),
)
GONE_CHECKOUT = Fields(checkout_id=first(text("token"), text("id")), cart_id=token("cart_token"))

_SHIPPING = first(
    money("total_shipping_price_set.shop_money.amount"), total("shipping_lines", money("price"))
)
_TAX_IN_LINES = when(
    flag("taxes_included"), total("line_items", total("tax_lines", money("price")))
)
ORDER = Fields(
    order_id=text("id"),
    order_number=first(text("name"), text("order_number")),
    checkout_id=first(text("checkout_token"), text("checkout_id")),
    cart_id=token("cart_token"),
    affiliation=text("source_name"),
    total=money("total_price"),
    subtotal=money("subtotal_price"),
    revenue=less(money("subtotal_price"), _TAX_IN_LINES),  # Segment's: without shipping and tax
    tax=money("total_tax"),
    shipping=_SHIPPING,
    shipping_method=text("shipping_lines.0.title"),
    discount=money("total_discounts"),
    coupon=text("discount_codes.0.code"),
    currency=text("currency"),
    products=each("line_items", LINE),
    payment_status=lower("financial_status"),
    payment_method=text("payment_gateway_names.0"),
    fulfillment_status=lower("fulfillment_status"),
    order_url=text("order_status_url"),
    landing_page=text("landing_site"),
    referrer=text("referring_site"),
    tags=words("tags"),
    accepts_marketing=flag("buyer_accepts_marketing"),
    test=flag("test"),
)
CANCELLED = Fields({**ORDER, "reason": text("cancel_reason")})

SHIPMENT = Fields(
    order_id=text("order_id"),
    fulfillment_id=text("id"),
    shipment=text("name"),
    tracking_number=first(text("tracking_number"), text("tracking_numbers.0")),
    tracking_company=text("tracking_company"),
    tracking_url=first(text("tracking_url"), text("tracking_urls.0")),
    shipment_status=lower("shipment_status"),
    status=lower("status"),
    products=each("line_items", LINE),
)
_LAST = "fulfillments.last"
FULFILLED = Fields(
    {
        **ORDER,
        "fulfillment_id": text(f"{_LAST}.id"),
        "shipment": text(f"{_LAST}.name"),
        "tracking_number": text(f"{_LAST}.tracking_number"),
        "tracking_company": text(f"{_LAST}.tracking_company"),
        "tracking_url": text(f"{_LAST}.tracking_url"),
    }
)

_IS_REFUND = chosen("kind", {"refund": "yes"})
_WENT_WRONG = chosen("status", {"failure": "yes", "error": "yes"})


def _back(transaction: Plain) -> object:
    went = _IS_REFUND(transaction) and not _WENT_WRONG(transaction)
    return money("amount")(transaction) if went else None


def _shipping_back(adjustment: Plain) -> Decimal | None:
    """Until 2023 a refund of shipping was an adjustment, written as a negative amount."""
    found = money("amount")(adjustment)
    kind = as_text(adjustment.get("kind"))
    return abs(found) if found is not None and kind == "shipping_refund" else None


_PAID_BACK = total("transactions", _back)
_SHIPPING_BACK = first(
    total("refund_shipping_lines", money("subtotal_amount_set.shop_money.amount")),
    total("order_adjustments", _shipping_back),
)
_TAX_BACK = total("refund_line_items", money("total_tax"))
_GOODS_BACK = total("refund_line_items", money("subtotal"))
_PAID_IN = text("transactions.0.currency")
_COUNTED_IN = first(
    text("refund_line_items.0.subtotal_set.shop_money.currency_code"),
    text("total_duties_set.shop_money.currency_code"),
    source("currency"),
)


def _converted(payload: Plain) -> bool:
    """Paid back in the customer's currency, while the order counts in the shop's."""
    paid, counted = _PAID_IN(payload), _COUNTED_IN(payload)
    return bool(paid and counted and paid != counted and _GOODS_BACK(payload))


def money_back(payload: Plain) -> Decimal | None:
    """What went back, in the shop's currency where the refund says so; None if nothing did."""
    paid = _PAID_BACK(payload)
    if paid and _converted(payload):
        return amount(summed(_GOODS_BACK, _TAX_BACK, _SHIPPING_BACK)(payload))
    return amount(paid) or None


def _currency_back(payload: Plain) -> str | None:
    named = _COUNTED_IN if _converted(payload) else first(_PAID_IN, _COUNTED_IN)
    return as_text(named(payload))


REFUND = Fields(
    order_id=text("order_id"),
    refund_id=text("id"),
    total=money_back,
    revenue=less(money_back, _TAX_BACK, _SHIPPING_BACK),
    currency=_currency_back,
    reason=text("note"),
    products=each(
        "refund_line_items",
        REFUND_LINE := Fields(
            product_id=product_id("line_item.product_id"),
            sku=text("line_item.sku"),
            name=first(text("line_item.title"), text("line_item.name")),
            variant_id=text("line_item.variant_id"),
            price=money("line_item.price"),
            quantity=number("quantity"),
        ),
    ),
)


NOT_SHIPPED = chosen("status", {"cancelled": "yes", "error": "yes", "failure": "yes"})
DELIVERED = chosen("shipment_status", {"delivered": "yes"})
HAS_LINES: Value = each("line_items", LINE)
