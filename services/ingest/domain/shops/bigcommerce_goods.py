"""BigCommerce: carts, orders, shipments, refunds and products, field by field."""

from services.ingest.domain.shops.bigcommerce_values import (
    chosen_options,
    discount,
    lines,
    product_stock,
    shop_url,
    variant_ids,
    variants,
)
from services.ingest.domain.shops.facts import identifier, or_gone, product_id
from services.ingest.domain.shops.values import (
    Fields,
    constant,
    each,
    first,
    joined,
    less,
    money,
    number,
    source,
    text,
)

_CURRENCY = first(source("currency"), text("store.currency"))

_ORDER_CURRENCY = first(text("order.default_currency_code"), text("order.currency_code"))
LINE = Fields(
    product_id=product_id("product_id"),
    variant_id=identifier("variant_id"),
    sku=text("sku"),
    name=text("name"),
    variant=chosen_options("product_options", "display_value"),
    brand=text("brand"),
    price=money("price_inc_tax"),
    quantity=number("quantity"),
)
ORDER = Fields(
    order_id=text("order.id"),
    checkout_id=text("order.cart_id"),
    cart_id=text("order.cart_id"),
    status=text("order.status"),
    affiliation=text("order.order_source"),
    total=money("order.total_inc_tax"),
    revenue=less(money("order.total_ex_tax"), money("order.shipping_cost_ex_tax")),
    subtotal=money("order.subtotal_ex_tax"),
    shipping=money("order.shipping_cost_ex_tax"),
    tax=money("order.total_tax"),
    discount=discount,
    currency=_ORDER_CURRENCY,
    payment_method=text("order.payment_method"),
    payment_status=text("order.payment_status"),
    products=each("products", LINE),
)
CHECKOUT = Fields(
    checkout_id=text("order.cart_id"),
    cart_id=text("order.cart_id"),
    order_id=text("order.id"),
    value=money("order.total_inc_tax"),
    currency=_ORDER_CURRENCY,
    products=each("products", LINE),
)
SHIPPED = Fields(product_id=product_id("product_id"), quantity=number("quantity"))
SHIPMENT = Fields(
    order_id=text("shipment.order_id"),
    fulfillment_id=text("shipment.id"),
    tracking_number=text("shipment.tracking_number"),
    tracking_url=first(text("shipment.tracking_link"), text("shipment.generated_tracking_link")),
    tracking_company=first(
        text("shipment.shipping_provider_display_name"),
        text("shipment.tracking_carrier"),
        text("shipment.shipping_provider"),
    ),
    shipping_method=text("shipment.shipping_method"),
    products=each("shipment.items", SHIPPED),
)
REFUND = Fields(
    order_id=first(text("refund.order_id"), text("order.id")),
    refund_id=text("refund.id"),
    total=money("refund.total_amount"),
    revenue=less(money("refund.total_amount"), money("refund.total_tax")),
    currency=_ORDER_CURRENCY,
    reason=text("refund.reason"),
)
CART_LINE = Fields(
    product_id=product_id("product_id"),
    variant_id=identifier("variant_id"),
    sku=text("sku"),
    name=text("name"),
    variant=chosen_options("options", "value"),
    price=first(money("sale_price"), money("list_price")),
    quantity=number("quantity"),
    url=text("url"),
    image_url=text("image_url"),
)
CART = Fields(
    cart_id=text("cart.id"),
    products=lines(CART_LINE),
    value=money("cart.cart_amount"),
    currency=text("cart.currency.code"),
    coupon=text("cart.coupons.0.code"),
    cart_url=joined(shop_url, constant("/cart.php"), by=""),
)
VARIANT = Fields(
    sku=text("sku"),
    price=first(money("calculated_price"), money("price")),
    name=chosen_options("option_values", "label"),
)
PRODUCT = Fields(
    name=text("product.name"),
    url=joined(shop_url, text("product.custom_url.url"), by=""),
    image_url=or_gone(text("product.primary_image.url_standard")),
    price=first(money("product.calculated_price"), money("product.price")),
    currency=_CURRENCY,
    sku=or_gone(text("product.sku")),
    stock=product_stock,
    variants=variants(VARIANT),
    variant_ids=variant_ids,
)
