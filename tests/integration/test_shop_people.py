"""A shop's webhooks name a person in many ways; identity makes one contact of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio

from services.ingest.domain.shops.outcome import told
from services.ingest.domain.shops.table import Delivery
from shared.contracts import CODECS, ContactsMerged, IdentifiedEvent, StoreEvent
from shared.db.migrate import migrate
from shared.db.pool import connect
from tests.integration.identity_parts import Part
from tests.unit.ingest.shops.recorded import Recorded, recorded

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest_asyncio.fixture(loop_scope="session")
async def identity(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Part]:
    await migrate(database, kafka, partitions=2, prefix=topic_prefix)
    connection = await connect(database.replace("postgres@", "tuvi_segmenter@"), "segmenter")
    yield Part(connection)
    await connection.close()


def named(name: str) -> Recorded:
    [found] = [one for one in recorded("shopify") if one.path.stem == name]
    return found


def events(name: str, shop: str = "main", **changed: Any) -> list[StoreEvent]:
    """As they leave ingest."""
    known: Delivery = named(name).delivery
    body = {**known.body, **changed}
    delivery = known._replace(source=shop, body=body, id=name, received_at=NOW)
    codec = CODECS["store-events"]
    return [codec.decode(ready.value) for ready in told(delivery, "default", b"").events]


async def test_a_cart_a_checkout_an_order_its_parcels_and_its_refund_are_one_contacts(
    identity: Part,
) -> None:
    """The cart has a token only, the refund an order only, the parcel an address only."""
    cart = {"id": "eeafa272cebfd4b22385bc4b645e762c", "token": "eeafa272cebfd4b22385bc4b645e762c"}
    john = {"email": "john@example.com"}
    for happened in (
        events("carts-create", **cart),
        events("checkouts-create"),
        events("orders-create-filled", customer={"id": 603851970716743426, **john}),
        events("fulfillments-create", **john),
        events("refunds-create"),
        events("fulfillments-update-delivered", **john),
        events("customers-data-request", customer={"id": 603851970716743426, **john}),
    ):
        await identity.take(happened)

    known = [m.message for m in identity.published]
    merged = {m.loser: m.winner for m in known if isinstance(m, ContactsMerged)}
    tracked = [m for m in known if isinstance(m, IdentifiedEvent) and m.event.name]
    assert {merged.get(m.contact, m.contact) for m in tracked} == {tracked[-1].contact}
    assert [m.event.name for m in tracked] == [
        "Product Added",
        "Checkout Started",
        "Order Completed",
        "Order Fulfilled",
        "Order Refunded",
        "Order Delivered",
        "Data Requested",
    ]


async def test_what_several_webhooks_tell_of_one_fact_is_one_event(identity: Part) -> None:
    """Two subscriptions to a topic; a parcel that is told by itself and with its order."""
    parcel = named("fulfillments-create").delivery.body
    twice = events("orders-create-filled", "second") + events("orders-create-filled", "second")
    with_its_order = events("orders-fulfilled", "second", fulfillments=[parcel])
    both = events("fulfillments-create", "second") + with_its_order

    await identity.take([*twice, *both])

    known = [m.message for m in identity.published]
    names = [m.event.name for m in known if isinstance(m, IdentifiedEvent) and m.event.name]
    assert names == ["Order Completed", "Order Fulfilled"]
