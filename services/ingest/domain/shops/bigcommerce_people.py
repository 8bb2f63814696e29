"""BigCommerce: who a webhook is about, and what it says of them.

A subscriber's yes or no to marketing comes again with every change, so it is a box's (`consents`):
it counts from when it changed. Its first yes counts from when the subscriber was made, and an
order's from when it was placed, else it would overrule what they unsubscribed from since.
"""

from services.ingest.domain.shops.bigcommerce_values import opted_in, says_no, says_yes
from services.ingest.domain.shops.consents import consented
from services.ingest.domain.shops.values import (
    Fields,
    constant,
    first,
    flag,
    joined,
    moment,
    source,
    text,
    user,
    when,
)

BUYER = Fields(
    userId=user("order.customer_id"),
    email=text("order.billing_address.email"),
    anonymousId=text("order.cart_id"),  # the same person, so that the cart becomes theirs
)
BUYER_TRAITS = Fields(
    first_name=text("order.billing_address.first_name"),
    last_name=text("order.billing_address.last_name"),
    phone=text("order.billing_address.phone"),
    company=text("order.billing_address.company"),
    city=text("order.billing_address.city"),
    country=text("order.billing_address.country_iso2"),
    locale=text("order.customer_locale"),
)
SHIPMENT_OWNER = Fields(
    userId=user("shipment.customer_id"), email=text("shipment.billing_address.email")
)
CART_OWNER = Fields(
    userId=user("cart.customer_id"), email=text("cart.email"), anonymousId=text("cart.id")
)
CART_TRAITS = Fields(locale=text("cart.locale"))
CUSTOMER_WHO = Fields(userId=user("customer.id"), email=text("customer.email"))
CUSTOMER = Fields(
    first_name=text("customer.first_name"),
    last_name=text("customer.last_name"),
    name=joined(text("customer.first_name"), text("customer.last_name")),
    phone=first(text("customer.phone"), text("customer.addresses.0.phone")),
    company=first(text("customer.company"), text("customer.addresses.0.company")),
    city=text("customer.addresses.0.city"),
    country=text("customer.addresses.0.country_code"),
    customer_since=moment("customer.date_created"),
    accepts_cart_mails=flag("customer.accepts_product_review_abandoned_cart_emails"),
)
SUBSCRIBER_WHO = Fields(email=text("subscriber.email"))
SUBSCRIBER = Fields(
    first_name=text("subscriber.first_name"), last_name=text("subscriber.last_name")
)
BOX = Fields(
    state=first(says_yes, says_no),
    source=constant("bigcommerce"),
    text=text("subscriber.source"),
    box=source("via"),
    since=when(says_yes, moment("subscriber.date_created")),
)
OPT_IN = Fields(state=opted_in, source=constant("bigcommerce"), text=constant("checkout"))
DELETED = Fields(
    state=constant("unsubscribed"),
    source=constant("bigcommerce"),
    text=constant("customer deleted"),
)
BOX_TRAITS = Fields(consent=consented(BOX))
OPT_IN_TRAITS = Fields(consent=consented(OPT_IN))
DELETED_TRAITS = Fields(consent=consented(DELETED))
GONE_CUSTOMER = Fields(userId=user("data.id"))
