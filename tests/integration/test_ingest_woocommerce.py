"""WooCommerce's deliveries as it sends them: headers of WC_Webhook::deliver, HTTP's own bytes."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from shared.contracts import ProductChanged, StoreEvent
from tests.integration.ingest_place import Place, place
from tests.integration.woo_place import deliver, documented, open_shop


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with place(database, kafka, topic_prefix) as running:
        await running.ready()
        await open_shop(running)
        yield running


async def events(ingest: Place, order: int) -> list[tuple[str, str]]:
    kept = [m for m in await ingest.kept() if isinstance(m, StoreEvent)]
    said = [(m.message_id, msgspec.json.decode(m.event)) for m in kept]
    mine = [(i, e) for i, e in said if e.get("properties", {}).get("order_id") == str(order)]
    return [(event["event"], message_id) for message_id, event in mine]


async def test_an_order_that_is_paid_and_sent_is_completed_once(ingest: Place) -> None:
    pending = documented("order-created-pending", id=1)
    paid = documented("order-created", id=1)
    sent = documented("order-updated", id=1)
    for topic, payload in (
        ("order.created", pending),
        ("order.updated", paid),
        ("order.updated", sent),
        ("order.updated", sent),
    ):
        assert await deliver(ingest, topic, payload) == 200

    told = await events(ingest, 1)
    assert {name for name, _ in told} == {
        "Checkout Started",
        "Order Completed",
        "Order Updated",
        "Order Fulfilled",
    }
    assert {i for name, i in told if name == "Order Completed"} == {
        "woocommerce/woo/order-completed/1"
    }
    assert len({i for name, i in told if name == "Order Updated"}) == 2


async def test_two_customers_of_one_second_are_both_kept(ingest: Place) -> None:
    """WooCommerce gives both deliveries one id."""
    for number in (31, 32):
        customer = documented("customer-created", id=number, email=f"c{number}@example.com")
        assert await deliver(ingest, "customer.created", customer) == 200

    kept = [m for m in await ingest.kept() if isinstance(m, StoreEvent)]
    known = [
        m.message_id for m in kept if msgspec.json.decode(m.event).get("userId") in ("31", "32")
    ]
    assert len(known) == len(set(known)) == 4


async def test_products_go_to_the_catalogue(ingest: Place) -> None:
    assert await deliver(ingest, "product.updated", documented("product-updated")) == 200
    assert await deliver(ingest, "product.deleted", documented("product-deleted")) == 200

    kept = [m for m in await ingest.kept() if isinstance(m, ProductChanged)]
    assert [(m.product, m.deleted, m.facts.get("stock")) for m in kept] == [
        ("794", False, 7),
        ("794", True, None),
    ]


async def test_coupons_and_what_is_deleted_are_kept_raw(ingest: Place) -> None:
    assert await deliver(ingest, "coupon.created", {"id": 719, "code": "10off"}) == 200
    assert await deliver(ingest, "order.deleted", {"id": 1}) == 200

    raw = {(m.topic, m.reason) for m in await ingest.kept("raw-events")}
    assert {("coupon.created", "unmapped"), ("order.deleted", "unmapped")} <= raw


@pytest.mark.parametrize(
    ("more", "wanted"), [({"secret": "another secret"}, 401), ({"shop": "evil.example"}, 403)]
)
async def test_nobody_else_gets_in(ingest: Place, more: dict[str, str], wanted: int) -> None:
    assert (
        await deliver(ingest, "order.created", documented("order-created", id=9), **more) == wanted
    )
    assert await events(ingest, 9) == []


async def test_the_ping_of_a_new_webhook_is_answered_with_200(ingest: Place) -> None:
    """wp_safe_remote_post: no X-WC header, no signature; anything but 200 is shown as an error."""
    headers = {
        "User-Agent": "WooCommerce/9.9.0 Hookshot (WordPress/6.8)",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    }
    answer = await ingest.post("/webhooks/woocommerce/woo", "webhook_id=142", headers=headers)
    assert answer == (200, {"taken": "ping"})
