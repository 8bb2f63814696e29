"""A shop's word on marketing never mails somebody who has said no since."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from services.ingest.domain.shops.meaning import meaning
from services.ingest.domain.shops.table import Delivery
from services.segmenter.domain.boxes import holding
from shared.contracts import Consent, DeliveryEvent, Event
from tests.unit.ingest.shops.recorded import NOW, recorded
from tests.unit.segmenter.shop import Told

SAID_NO = {"marketing": Consent(state="unsubscribed", at=datetime(2022, 6, 1, tzinfo=UTC))}


def shop(of: str, name: str, **changed: Any) -> Delivery:
    [one] = [r for r in recorded(of) if r.path.stem == name]
    return one.delivery._replace(body={**one.delivery.body, **changed})


def shopify(name: str, **changed: Any) -> Delivery:
    return shop("shopify", name, **changed)


def hears(told: Told, delivery: Delivery, now: datetime = NOW) -> dict[str, Consent]:
    """What profile keeps when the delivery's events have passed; of each topic what holds."""
    found = meaning(delivery._replace(received_at=now, body=changed_at(delivery, now)))
    assert found is not None
    for number, call in enumerate(found.calls):
        at = datetime.fromisoformat(call["timestamp"]) if "timestamp" in call else now
        told.takes(
            Event(
                message_id=f"{now}-{number}",
                kind=call["type"],
                at=at,
                received_at=now,
                traits=call.get("traits", {}),
            )
        )
    return holding(told.state)


def changed_at(delivery: Delivery, now: datetime) -> dict[str, Any]:
    """As the shop sends it when something of the customer has changed."""
    if delivery.shop == "bigcommerce":
        subscriber = {**delivery.body["subscriber"], "date_modified": now.isoformat()}
        return {**delivery.body, "subscriber": subscriber}
    return {**delivery.body, "date_modified_gmt": now.isoformat()}


def after(known: dict[str, Consent], delivery: Delivery) -> dict[str, Consent]:
    told = Told.of()
    told.state = replace(told.state, consent=known)
    return hears(told, delivery)


def consent(state: str, at: str | None) -> dict[str, Any]:
    return {"state": state, "opt_in_level": "single_opt_in", "consent_updated_at": at}


EARLIER, LATER = "2022-01-01T12:00:00+02:00", "2022-07-01T12:00:00+02:00"


@pytest.mark.parametrize(
    ("state", "at", "then"),
    [
        ("subscribed", EARLIER, "unsubscribed"),
        ("subscribed", None, "unsubscribed"),
        ("subscribed", LATER, "subscribed"),
        ("pending", LATER, "unsubscribed"),  # a request, not a word
        ("not_subscribed", None, "unsubscribed"),
        ("invalid", LATER, "unsubscribed"),
    ],
)
def test_the_newest_word_counts_by_the_shops_own_time_of_it(
    state: str, at: str | None, then: str
) -> None:
    said = consent(state, at)

    for delivery in (
        shopify("consent-subscribed", email_marketing_consent=said),
        shopify("customers-update-filled", email_marketing_consent=said),
        shopify("orders-create-filled", customer={"id": 1, "email_marketing_consent": said}),
    ):
        assert after(SAID_NO, delivery)["marketing"].state == then


def test_who_is_asked_to_confirm_is_pending() -> None:
    assert after({}, shopify("consent-pending"))["marketing"].state == "pending"


@pytest.mark.parametrize("name", ["orders-create", "checkouts-update-filled", "orders-updated"])
def test_a_box_that_was_ticked_once_says_nothing_of_now(name: str) -> None:
    delivery = shopify(name, buyer_accepts_marketing=True, customer={"id": 1})

    assert after(SAID_NO, delivery) == SAID_NO
    assert after({}, delivery) == {}


@pytest.mark.parametrize(
    "delivery",
    [
        shopify("consent-subscribed", email_marketing_consent=consent("unsubscribed", None)),
        shopify("consent-subscribed", email_marketing_consent=consent("redacted", None)),
        shopify("customers-redact"),
        shopify("customers-delete"),
    ],
    ids=lambda delivery: delivery.topic,
)
def test_a_no_is_for_all_marketing_at_once(delivery: Delivery) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    known = {topic: Consent(state="subscribed", at=at) for topic in ("marketing", "newsletter")}

    then = after(known, delivery)

    assert {said.state for said in then.values()} == {"unsubscribed"}


class Says(NamedTuple):
    """A delivery with a yes and one with a no, as a shop sends them with any change."""

    yes: Delivery
    no: Delivery


_NEWS = {"id": 98, "key": "newsletter"}
SHOPS = [
    Says(
        shop("woocommerce", "customer-updated-no", meta_data=[{**_NEWS, "value": "yes"}]),
        shop("woocommerce", "customer-updated-no"),
    ),
    Says(shop("bigcommerce", "subscriber-created"), shop("bigcommerce", "subscriber-updated")),
    Says(  # it always says when; only a no may come without
        shopify("customers-update-filled", email_marketing_consent=consent("subscribed", LATER)),
        shopify("customers-update-filled", email_marketing_consent=consent("unsubscribed", None)),
    ),
]
EACH_SHOP = pytest.mark.parametrize("says", SHOPS, ids=lambda says: says.yes.shop)
START, DAY = datetime(2022, 6, 1, tzinfo=UTC), timedelta(days=1)


def confirmed(told: Told, topic: str, at: datetime) -> None:
    told.takes(_own("Subscribed", topic, at))


def _own(what: Any, topic: str, at: datetime) -> DeliveryEvent:
    return DeliveryEvent(
        workspace="default",
        contact="c",
        message="m",
        event=what,
        at=at,
        received_at=at,
        topic=topic,
        source="double_opt_in" if what == "Subscribed" else "link",
    )


@EACH_SHOP
def test_a_no_that_a_shop_says_again_takes_nothing_back_that_was_confirmed_since(
    says: Says,
) -> None:
    told = Told.of()
    hears(told, says.no, START)
    for topic in ("newsletter", "marketing"):
        confirmed(told, topic, START + DAY)
    found = hears(told, says.no, START + 2 * DAY)
    assert {found[topic].state for topic in ("newsletter", "marketing")} == {"subscribed"}
    assert found["*"].at == START


@EACH_SHOP
def test_a_shops_next_yes_counts_and_its_next_no_is_for_all_marketing_again(says: Says) -> None:
    told, day = Told.of(), LATER_DAY
    hears(told, says.no, START)
    assert hears(told, says.yes, day)["marketing"].state == "subscribed"
    confirmed(told, "newsletter", day + DAY)
    found = hears(told, says.no, day + 2 * DAY)
    assert {said.state for said in found.values()} == {"unsubscribed"}
    assert found["newsletter"].at == day + 2 * DAY


LATER_DAY = datetime(2022, 7, 2, tzinfo=UTC)


@EACH_SHOP
def test_a_yes_that_a_shop_says_again_brings_nobody_back(says: Says) -> None:
    told = Told.of()
    hears(told, says.no, START)
    hears(told, says.yes, LATER_DAY)
    told.takes(_own("Unsubscribed", "marketing", LATER_DAY + DAY))
    assert hears(told, says.yes, LATER_DAY + 2 * DAY)["marketing"].state == "unsubscribed"


@EACH_SHOP
def test_nor_does_the_first_that_is_heard_of_it(says: Says) -> None:
    """The shop may be connected long after."""
    told = Told.of()
    told.takes(_own("Unsubscribed", "marketing", LATER_DAY))
    assert hears(told, says.yes, LATER_DAY + DAY)["marketing"].state == "unsubscribed"
    assert hears(Told.of(), says.yes, LATER_DAY)["marketing"].state == "subscribed"


def test_an_old_yes_that_is_posted_again_brings_nobody_back() -> None:
    """WooCommerce signs no time, but the body has that of its change."""
    says, told = SHOPS[0], Told.of()
    hears(told, says.no, START)
    hears(told, says.yes, START + DAY)
    hears(told, says.no, START + 2 * DAY)
    replayed = says.yes._replace(body=changed_at(says.yes, START + DAY))
    found = meaning(replayed._replace(received_at=START + 30 * DAY))
    assert found is not None
    for call in found.calls:
        at = datetime.fromisoformat(call["timestamp"])
        traits = call["traits"]
        told.takes(
            Event(
                message_id="x",
                kind="identify",
                at=at,
                received_at=START + 30 * DAY,
                traits=traits,
            )
        )
    assert {said.state for said in holding(told.state).values()} == {"unsubscribed"}


def test_a_yes_is_for_the_topics_that_the_source_names() -> None:
    named = {"consent_topics": ["newsletter", "cart-reminders"]}
    delivery = shopify("consent-subscribed")._replace(settings=named)

    assert set(after({}, delivery)) == {"newsletter", "cart-reminders"}
