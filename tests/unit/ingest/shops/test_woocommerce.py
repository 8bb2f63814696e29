"""WooCommerce besides its table: the ping, what a delivery is known by, one fact told often."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.domain.shops.meaning import meaning
from services.ingest.domain.shops.table import Delivery
from services.ingest.domain.shops.woocommerce_values import delivery_id, is_ping
from tests.unit.ingest.shops.recorded import HOME

FORM = "application/x-www-form-urlencoded"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("kind", [FORM, f"{FORM}; charset=UTF-8", FORM.upper()])
def test_a_ping_is_known(kind: str) -> None:
    assert is_ping(kind, b"webhook_id=142")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"webhook_id=142"),
        (FORM, b"webhook_id=142&order=1"),
        (FORM, b"webhook_id="),
        (FORM, b'{"id": 1}'),
        ("", b""),
    ],
)
def test_what_is_no_ping_needs_a_signature(kind: str, body: bytes) -> None:
    assert not is_ping(kind, body)


def test_two_orders_of_one_second_are_two_deliveries() -> None:
    assert delivery_id("order.updated", b'{"id": 1}') != delivery_id("order.updated", b'{"id": 2}')
    assert delivery_id("order.updated", b'{"id": 1}') != delivery_id("order.created", b'{"id": 1}')
    assert delivery_id("order.updated", b'{"id": 1}') == delivery_id("order.updated", b'{"id": 1}')


def test_an_order_is_completed_once_however_often_it_is_told() -> None:
    pending = order("order-created-pending")
    paid = {**pending, "status": "processing", "date_paid_gmt": "2017-03-22T19:28:08"}
    sent = {**paid, "status": "completed", "date_completed_gmt": "2017-03-23T10:00:00"}
    story = [
        ("order.created", pending),
        ("order.updated", paid),
        ("order.updated", {**paid, "date_modified_gmt": "2017-03-22T20:00:00"}),
        ("order.updated", sent),
    ]

    told = [call for i, (topic, body) in enumerate(story) for call in calls(topic, body, f"d-{i}")]

    completed = {c["messageId"] for c in told if c.get("event") == "Order Completed"}
    assert completed == {"woocommerce/main/order-completed/727"}
    assert {c["messageId"] for c in told if c.get("event") == "Checkout Started"} == {
        "woocommerce/main/checkout-started/727"
    }
    times = {c["timestamp"] for c in told if c.get("event") == "Order Completed"}
    assert times == {"2017-03-22T19:28:08Z"}  # so that a late repeat is too old for a journey


@pytest.mark.parametrize(
    ("shipped", "changed", "sent"),
    [
        ("1490140800", "2017-03-22T19:30:35", "2017-03-22T19:30:35Z"),  # told on the same day
        ("1490140800", "2026-01-01T00:00:00", "2017-03-23T00:00:00Z"),
        ("2017-03-22", "2026-01-01T00:00:00", "2017-03-23T00:00:00Z"),
        ("1980-01-01", "2026-01-01T00:00:00", "2017-03-22T19:28:08Z"),  # not before it was paid
        ("2030-01-01", "2017-03-22T19:30:35", "2017-03-22T19:30:35Z"),
        ("9999-12-31", "9999-12-31T23:59:59", "9999-12-31T23:59:59Z"),
        (None, "2026-01-01T00:00:00", "2017-03-22T19:30:35Z"),  # when the order was completed
    ],
)
def test_a_parcel_is_of_its_own_time_however_late_it_is_told_again(
    shipped: str | None, changed: str, sent: str
) -> None:
    """An old one is too old to start a journey once more."""
    parcel = {"tracking_number": "T-1", "date_shipped": shipped}
    meta = [{"key": "_wc_shipment_tracking_items", "value": [parcel]}]
    changes = {"meta_data": meta, "date_modified_gmt": changed}

    told = calls("order.updated", order("order-updated") | changes, "d-1")

    [fulfilled] = [call for call in told if call.get("event") == "Order Fulfilled"]
    assert fulfilled["timestamp"] == sent


def test_a_later_change_of_the_customer_does_not_bring_back_a_yes() -> None:
    """What they unsubscribed from in 2020 stays so."""
    customer = order("customer-updated")
    changed = {**customer, "date_modified_gmt": "2026-01-01T00:00:00"}

    [said] = [
        call
        for call in calls("customer.updated", changed, "d-1", {"consent_meta": "newsletter"})
        if "consent" in call["traits"]
    ]

    (consent,) = said["traits"]["consent"].values()
    assert consent["since"] == "2017-03-21T19:09:28Z"  # when the customer was made
    assert consent["box"] == "woocommerce/main"


def test_without_a_setting_no_consent_is_stated() -> None:
    found = calls("customer.updated", order("customer-updated"), "d-1")
    assert all("consent" not in call["traits"] for call in found)


def order(name: str) -> Any:
    return json.loads((HOME / "woocommerce" / f"{name}.json").read_bytes())["body"]


def calls(topic: str, body: Any, name: str, settings: Any = None) -> list[dict[str, Any]]:
    found = meaning(Delivery("woocommerce", "main", topic, name, body, NOW, settings or {}))
    assert found is not None
    return found.calls
