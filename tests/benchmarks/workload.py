"""What passes through: a shop's ordinary mix, the same for every stage.

Of 20 events: 1 identify with address and consent, 2 orders, 1 checkout (which asks for a mail),
3 additions to a cart, 13 product views; of `PEOPLE` persons in turn.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.segmenter.domain.normalise import normalised
from shared.contracts import (
    Consent,
    ContactChanged,
    ContactEvent,
    IdentifiedEvent,
    Message,
    Profile,
    Send,
    StoreEvent,
)
from shared.contracts.codec import decode_plain, encode
from shared.contracts.keys import contact_id, identity_key
from shared.contracts.keys import message_id as mail_id
from shared.contracts.topics import CONTACT_CHANGES as CHANGES
from shared.contracts.topics import CONTACT_EVENTS as FACTS
from shared.contracts.topics import IDENTIFIED_EVENTS as IDENTIFIED
from shared.contracts.topics import SEND_COMMANDS, STORE_EVENTS, Topic

WORKSPACE = "default"
PEOPLE = 1999  # a prime, so that everybody does everything
TOPIC = "cart-reminders"
JUMPER = {
    "product_id": "p-71",
    "name": "A fine wool jumper",
    "price": 59.9,
    "currency": "EUR",
    "category": "knitwear",
    "quantity": 1,
    "url": "https://shop.example/p/71?utm_source=mail",
    "brand": "Tuvi",
}
SOCKS = {"product_id": "p-12", "name": "Socks", "price": 12.5, "quantity": 2, "currency": "EUR"}

Keyed = tuple[Topic, str, Message]


def now() -> datetime:
    return datetime.now(UTC)


def address(person: int | str) -> str:
    return f"u-{person}@shop.example"


def call(n: int, person: int | str | None = None) -> dict[str, Any]:
    """The n-th call of the shop, in Segment's format; about 400 bytes."""
    who = n % PEOPLE if person is None else person
    common = {"messageId": f"m-{n}", "userId": f"u-{who}", "timestamp": now().isoformat()}
    match n % 20:
        case 0:
            return identify(n, who)
        case 1 | 2:
            order = {"order_id": f"o-{n}", "checkout_id": f"k-{n - 1}", "currency": "EUR"}
            money = {"revenue": 72.4, "total": 84.9, "products": [JUMPER, SOCKS]}
            return track(common, "Order Completed", order | money)
        case 3:
            return checkout(n, who)
        case 4 | 5 | 6:
            return track(common, "Product Added", JUMPER | {"cart_id": f"cart-{who}"})
        case _:
            return track(common, "Product Viewed", JUMPER | {"referrer": "https://shop.example/"})


def track(common: dict[str, Any], event: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "track", "event": event, **common, "properties": properties}


def identify(n: int | str, person: int | str) -> dict[str, Any]:
    """With an address and consent for the mails of the benchmark's journey."""
    traits = {
        "email": address(person),
        "first_name": "Maja",
        "country": "SE",
        "consent": {TOPIC: {"state": "subscribed", "source": "checkout", "text": "v1"}},
    }
    known = {"messageId": f"m-{n}", "userId": f"u-{person}", "timestamp": now().isoformat()}
    return {"type": "identify", **known, "traits": traits}


def checkout(n: int | str, person: int | str) -> dict[str, Any]:
    known = {"messageId": f"m-{n}", "userId": f"u-{person}", "timestamp": now().isoformat()}
    cart = {"checkout_id": f"k-{n}", "value": 84.9, "currency": "EUR", "products": [JUMPER, SOCKS]}
    return track(known, "Checkout Started", cart)


def stored(n: int) -> StoreEvent:
    body = msgspec.Raw(encode(call(n)))
    return StoreEvent(workspace=WORKSPACE, message_id=f"m-{n}", received_at=now(), event=body)


def _contact(n: int) -> str:
    return contact_id(WORKSPACE, "user", f"u-{n % PEOPLE}")


def store_events(first: int, count: int) -> Iterator[Keyed]:
    """As ingest writes them."""
    for n in range(first, first + count):
        yield STORE_EVENTS, identity_key(WORKSPACE, "user", f"u-{n % PEOPLE}"), stored(n)


def identified_events(first: int, count: int) -> Iterator[Keyed]:
    """As stage identity writes them."""
    for n in range(first, first + count):
        contact, event = _contact(n), normalised(stored(n))[1]
        message = IdentifiedEvent(workspace=WORKSPACE, contact=contact, event=event)
        yield IDENTIFIED, f"{WORKSPACE}:{contact}", message


def contact_events(first: int, count: int) -> Iterator[Keyed]:
    """As stage profile writes them."""
    consent = {TOPIC: Consent(state="subscribed", at=now())}
    for n in range(first, first + count):
        contact, event = _contact(n), normalised(stored(n))[1]
        profile = Profile(
            version=1 + n // PEOPLE,
            email=address(n % PEOPLE),
            timezone="Europe/Stockholm",
            traits={"first_name": "Maja", "country": "SE", "orders_count": n // PEOPLE},
            consent=consent,
        )
        message = ContactEvent(workspace=WORKSPACE, contact=contact, profile=profile, event=event)
        yield FACTS, f"{WORKSPACE}:{contact}", message


def contacts() -> Iterator[Keyed]:
    """Everybody, as the sender must know them."""
    consent = {TOPIC: Consent(state="subscribed", at=now())}
    for n in range(PEOPLE):
        contact = _contact(n)
        message = ContactChanged(
            workspace=WORKSPACE, contact=contact, version=1, email=address(n), consent=consent
        )
        yield CHANGES, f"{WORKSPACE}:{contact}", message


def sends(first: int, count: int) -> Iterator[Keyed]:
    """As the orchestrator writes them."""
    items = decode_plain(encode([JUMPER, SOCKS]))
    cart = {"items": items, "total": "84.90", "currency": "EUR", "url": "https://shop.example/c"}
    for n in range(first, first + count):
        contact, at = _contact(n), now()
        message = Send(
            workspace=WORKSPACE,
            contact=contact,
            contact_version=1,
            message=mail_id(f"r-{n}", "reminder"),
            run=f"r-{n}",
            journey="bench-checkout",
            version=1,
            step="reminder",
            template="cart-reminder",
            topic=TOPIC,
            due_at=at,
            not_after=at.replace(year=at.year + 1),
            data={"contact": {"first_name": "Maja", "country": "SE"}, "cart": cart},
        )
        yield SEND_COMMANDS, f"{WORKSPACE}:{contact}", message
