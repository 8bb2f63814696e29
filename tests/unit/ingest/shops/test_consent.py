"""A shop's word on marketing never mails somebody who has said no since."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.domain.shops.meaning import meaning
from services.ingest.domain.shops.table import Delivery
from services.segmenter.domain.consent import read, united
from shared.contracts import Consent
from tests.unit.ingest.shops.recorded import NOW, recorded

SAID_NO = {"marketing": Consent(state="unsubscribed", at=datetime(2022, 6, 1, tzinfo=UTC))}


def shopify(name: str, **changed: Any) -> Delivery:
    [one] = [r for r in recorded("shopify") if r.path.stem == name]
    return one.delivery._replace(body={**one.delivery.body, **changed})


def after(known: dict[str, Consent], delivery: Delivery) -> dict[str, Consent]:
    """Consent as profile keeps it, when the delivery's events have passed."""
    found = meaning(delivery)
    assert found is not None
    for call in found.calls:
        at = datetime.fromisoformat(call["timestamp"]) if "timestamp" in call else NOW
        said, wrong = read(call.get("traits", {}), at)
        assert not wrong
        known = united(known, said)
    return known


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


def test_a_yes_is_for_the_topics_that_the_source_names() -> None:
    named = {"consent_topics": ["newsletter", "cart-reminders"]}
    delivery = shopify("consent-subscribed")._replace(settings=named)

    assert set(after({}, delivery)) == {"newsletter", "cart-reminders"}
