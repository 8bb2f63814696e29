"""Shopify: who a webhook is about, and what it says of them."""

from services.ingest.domain.shops.consents import consented
from services.ingest.domain.shops.values import (
    Fields,
    Value,
    as_text,
    at,
    chosen,
    constant,
    first,
    flag,
    joined,
    lower,
    moment,
    nested,
    source,
    text,
    user,
    when,
    words,
)
from shared.contracts.wire import Plain


def token(path: str) -> Value:
    """A cart's token without the secret that some versions write behind it (`?key=`)."""
    return lambda payload: (as_text(at(payload, path)) or "").partition("?")[0] or None


def order_alias(path: str) -> Value:
    """An anonymousId for all that is said of an order: a refund names nobody."""
    return joined(source("via"), constant("order"), text(path), by="/")


_CHECKOUT_TOKEN = first(text("token"), text("id"))
CART_OF_CHECKOUT = first(
    token("cart_token"), joined(source("via"), constant("checkout"), _CHECKOUT_TOKEN, by="/")
)
CART_OF_ORDER = first(
    token("cart_token"),
    when(
        text("checkout_token"),
        joined(source("via"), constant("checkout"), text("checkout_token"), by="/"),
    ),
)

CART_OWNER = Fields(anonymousId=first(token("token"), token("id")))
CHECKOUT_OWNER = Fields(
    userId=user("customer.id"),
    email=first(text("customer.email"), text("email")),
    anonymousId=CART_OF_CHECKOUT,
)
BUYER = Fields(
    userId=user("customer.id"),
    email=first(text("customer.email"), text("email"), text("contact_email")),
    anonymousId=order_alias("id"),
)
CART_OF_BUYER = Fields(  # the same person, so that the cart becomes theirs
    userId=user("customer.id"),
    email=first(text("customer.email"), text("email"), text("contact_email")),
    anonymousId=CART_OF_ORDER,
)
SHIPMENT_OWNER = Fields(email=text("email"), anonymousId=order_alias("order_id"))
REFUNDED = Fields(anonymousId=order_alias("order_id"))
CUSTOMER = Fields(userId=user("id"), email=text("email"))
CONSENTING = Fields(userId=user("customer_id"), email=text("email_address"))
CONCERNED = Fields(userId=user("customer.id"), email=text("customer.email"))

IS_KNOWN = first(user("customer.id"), text("customer.email"), text("email"), text("contact_email"))


def _address(path: str) -> Value:
    row = ("address1", "city", "province", "zip", "country_code")
    ours = ("street", "city", "state", "postal_code", "country")
    return nested(Fields({o: text(f"{path}.{name}") for o, name in zip(ours, row, strict=True)}))


def _home(name: str) -> Value:
    """Of where an order goes, else of who pays it, else of the customer."""
    places = ("shipping_address", "billing_address", "customer.default_address")
    return first(*(text(f"{place}.{name}") for place in places))


BUYER_TRAITS = Fields(
    first_name=first(text("customer.first_name"), _home("first_name")),
    last_name=first(text("customer.last_name"), _home("last_name")),
    phone=first(text("customer.phone"), text("phone"), _home("phone")),
    country=_home("country_code"),
    city=_home("city"),
    locale=text("customer_locale"),
    tags=words("customer.tags"),
)
CUSTOMER_TRAITS = Fields(
    first_name=text("first_name"),
    last_name=text("last_name"),
    name=joined(text("first_name"), text("last_name")),
    phone=first(text("phone"), text("default_address.phone")),
    country=text("default_address.country_code"),
    city=text("default_address.city"),
    company=text("default_address.company"),
    address=_address("default_address"),
    tags=words("tags"),
    currency=text("currency"),
    account=lower("state"),
    email_verified=flag("verified_email"),
    customer_since=moment("created_at"),
)

# A yes counts by Shopify's own time of it, else a later no of ours would be overruled; a no without
# a time counts from when it was first said. "not_subscribed" without a time is the state of who
# never was asked.
_STATES = {
    "subscribed": "subscribed",
    "pending": "pending",
    "not_subscribed": "never_subscribed",
}
_NO = {"unsubscribed": "unsubscribed", "redacted": "unsubscribed"}
CONSENT = Fields(
    state=first(
        when(moment("consent_updated_at"), chosen("state", _STATES)),
        chosen("state", _NO),
    ),
    source=constant("shopify"),
    text=lower("opt_in_level"),
    box=source("via"),
    since=moment("consent_updated_at"),
)
CONSENT_TRAITS = Fields(consent=consented(CONSENT, "email_marketing_consent"))
BUYER_CONSENT_TRAITS = Fields(consent=consented(CONSENT, "customer.email_marketing_consent"))
NO_MORE = Fields(
    state=constant("unsubscribed"), source=constant("shopify"), text=constant("customer deleted")
)
REDACTED = Fields(
    state=constant("unsubscribed"), source=constant("shopify"), text=constant("redacted")
)
NO_MORE_TRAITS = Fields(consent=consented(NO_MORE))
REDACTED_TRAITS = Fields(consent=consented(REDACTED))


def says(traits: Fields) -> Value:
    """There is a consent among them."""

    def read(payload: Plain) -> bool:
        return "consent" in traits and traits["consent"](payload) is not None

    return read
