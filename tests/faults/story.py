"""A seeded shop's two days in phases, the same to the microsecond whenever they are told.

Within a phase no two things of one contact race, so that the end does not depend on who was
faster; between phases everything comes to rest.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.contracts import DeliveryEvent, ProductChanged, StockChanged, StoreEvent, encode
from shared.contracts.keys import contact_key, identity_key, item_key, product_key
from shared.tags import from_tag
from tests.faults.place import NOON, Keyed

USERS, GUESTS, CARTS, BOUGHT, GOODS = 300, 60, 200, 80, 60
HUMAN = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
MINUTE = timedelta(minutes=1)


def call(
    message_id: str, at: datetime, kind: str, user: str = "", device: str = "", **more: Any
) -> Keyed:
    """A call of the shop, as ingest would put it on store-events."""
    body = {"type": kind, "messageId": message_id, "timestamp": at.isoformat(), **more}
    body |= {k: v for k, v in (("userId", user), ("anonymousId", device)) if v}
    key = identity_key("default", *(("user", user) if user else ("anonymous", device)))
    raw = msgspec.Raw(encode(body))
    return key, StoreEvent(workspace="default", message_id=message_id, received_at=at, event=raw)


def track(message_id: str, at: datetime, event: str, who: dict[str, str], **given: Any) -> Keyed:
    return call(message_id, at, "track", **who, event=event, properties=given)


def identify(
    message_id: str, at: datetime, who: dict[str, str], topics: list[str], **traits: Any
) -> Keyed:
    """With consent for these topics."""
    said = {topic: {"state": "subscribed", "source": "checkout", "text": "v1"} for topic in topics}
    return call(message_id, at, "identify", **who, traits={**traits, "consent": said})


def added(message_id: str, at: datetime, cart: str, who: dict[str, str], price: int = 30) -> Keyed:
    given = {"cart_id": cart, "product_id": f"p{price}", "name": "Boots", "price": price}
    return track(message_id, at, "Product Added", who, **given, quantity=1, currency="EUR")


def ordered(message_id: str, at: datetime, cart: str, who: dict[str, str], total: int) -> Keyed:
    given = {"order_id": f"o-{cart}", "cart_id": cart, "total": total, "revenue": total}
    return track(message_id, at, "Order Completed", who, **given, currency="EUR")


def product(number: int, at: datetime, by: str, *, deleted: bool = False, **facts: Any) -> Keyed:
    """What the shop says of one of its goods."""
    name = f"p{number}"
    ids = {"workspace": "default", "product": name, "message_id": f"{name}-{by}"}
    message = ProductChanged(at=at, received_at=at, facts=facts, deleted=deleted, **ids)
    return product_key("default", name), message


def pieces(number: int, at: datetime, stock: int) -> Keyed:
    """A level of stock, which does not say what it is of."""
    ids = {"workspace": "default", "item": f"i{number}", "message_id": f"s{number}"}
    message = StockChanged(at=at, received_at=at, stock=stock, **ids)
    return item_key("default", f"i{number}"), message


def user(number: int) -> dict[str, str]:
    return {"user": f"u{number}"}


class Story:
    """Each phase gives what the shop posted at that time, in order."""

    def __init__(self, seed: int = 7) -> None:
        draw = random.Random(seed)
        everybody = range(USERS + GUESTS)
        self.news = {i for i in everybody if draw.random() < 0.6}
        self.reminded = {i for i in everybody if draw.random() < 0.8}
        self.countries = [draw.choice(["EE", "FI", "SE"]) for _ in everybody]

    def sign_up(self, at: datetime) -> Iterator[Keyed]:
        """Goods and their stock; of each user an address, more consent, and more, a look around."""
        for i in range(GOODS):
            variants = {"1": {"sku": f"S{i}", "stock": 5, "inventory_item": f"i{i}"}}
            yield product(i, at - MINUTE, "new", name=f"Boots {i}", price=20 + i, variants=variants)
            yield pieces(i, at, i)
        for i, country in enumerate(self.countries):
            name = f"u{i}"
            news = ["newsletter"] if i in self.news else []
            carts = ["cart-reminders"] if i in self.reminded else []
            email = f"{name}@example.com"
            yield identify(f"{name}-1", at, user(i), news, email=email, first_name=f"N{i}")
            yield identify(f"{name}-2", at, user(i), carts, address={"country": country})
            yield identify(f"{name}-2b", at, user(i), ["catalogue"], last_name="Tamm")
            yield track(f"{name}-3", at, "Product Viewed", user(i), product_id=f"p{i % 9}")

    def carts(self, at: datetime) -> Iterator[Keyed]:
        for i in range(GOODS // 2):
            yield product(i, at, "now", price=10 + i, deleted=i % 5 == 0)
        for i in range(CARTS):
            yield added(f"u{i}-4", at, f"c{i}", user(i), 20 + i % 50)
        for i in range(GUESTS):
            yield added(f"g{i}-1", at, f"cg{i}", {"device": f"g{i}"}, 40 + i)

    def log_in(self, at: datetime) -> Iterator[Keyed]:
        """The devices turn out to be known users'."""
        for i in range(GUESTS):
            who = {**user(USERS + i), "device": f"g{i}"}
            yield track(f"g{i}-2", at, "Product Viewed", who, product_id="p1")

    def orders_in_time(self, at: datetime) -> Iterator[Keyed]:
        for i in range(BOUGHT):
            yield ordered(f"u{i}-5", at, f"c{i}", user(i), 20 + i)

    def orders_after_mails(self, at: datetime) -> Iterator[Keyed]:
        for i in range(BOUGHT, BOUGHT + 40):
            yield ordered(f"u{i}-6", at, f"c{i}", user(i), 20 + i)

    def left_their_cart(self) -> set[str]:
        """Who is to be reminded: an hour of quiet, no order in it, consent."""
        everybody = {*range(BOUGHT, CARTS), *range(USERS, USERS + GUESTS)}
        return {f"u{i}@example.com" for i in everybody & self.reminded}

    def readers(self, mails: list[dict[str, Any]], at: datetime) -> Iterator[Keyed]:
        """What SES would notify: all delivered but few, all opened, half clicked, few leave."""
        for mail in sorted(mails, key=lambda m: str(m["tags"]["message_id"])):
            tags = {name: from_tag(value) for name, value in mail["tags"].items()}
            number = int(mail["to"][0].removeprefix("u").partition("@")[0])
            key = contact_key("default", tags["contact"])
            if number % 50 == 7:
                yield key, _told(tags, "Bounced", at, bounce="hard", reason="General")
                continue
            yield key, _told(tags, "Delivered", at)
            yield key, _told(tags, "Opened", at + MINUTE, user_agent=HUMAN)
            if number % 2:
                link = "https://shop.example/cart"
                yield key, _told(tags, "Clicked", at + 2 * MINUTE, link=link, user_agent=HUMAN)
            if number % 50 == 8:
                yield key, _told(tags, "Unsubscribed", at + 3 * MINUTE, source="link")


def _told(tags: dict[str, str], event: Any, at: datetime, **more: Any) -> DeliveryEvent:
    named = ("journey", "step", "variant", "run", "template", "topic")
    said: dict[str, Any] = {name: tags.get(name, "") for name in named}
    return DeliveryEvent(
        workspace="default",
        contact=tags["contact"],
        message=tags["message_id"],
        event=event,
        at=at,
        received_at=READ_AT,
        version=int(tags.get("version", "0")),
        **{**said, **more},
    )


READ_AT = NOON + 100 * MINUTE
