"""What a shop's webhook brings is in Kafka when it is answered, once; nobody else gets in."""

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from shared.contracts import ProductChanged, StoreEvent
from tests.integration.ingest_place import Place, place
from tests.integration.shop_place import OTHER, SECRET, deliver, events, make, sample, signature


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with place(database, kafka, topic_prefix) as running:
        await running.ready()
        for name, secret in (("main", SECRET), ("second", OTHER)):
            prefix = {"user_id_prefix": f"{name}-"}
            if name == "second":
                prefix["product_id_prefix"] = "second-"
            await make(running, name, shop="shopify", secret=secret, settings=prefix)
        yield running


async def test_a_signed_order_is_kept_as_order_completed_of_its_buyer(ingest: Place) -> None:
    answer = await deliver(ingest, "orders/create", sample("orders-create", id=1))

    assert answer == (200, {"taken": "orders/create"})
    [order] = [e for e in await events(ingest, "shopify/main") if e.get("event")]
    assert order["event"] == "Order Completed"
    assert order["userId"] == "main-115310627314723954"
    assert order["properties"]["total"] == 404.95
    assert order["properties"]["currency"] == "USD"


async def test_two_shops_of_a_kind_in_one_workspace_stay_two(ingest: Place) -> None:
    body = sample("orders-create", id=2)

    assert (await deliver(ingest, "orders/create", body, to="second", secret=OTHER))[0] == 200

    users = {e.get("userId") for e in await events(ingest, "shopify/second")}
    assert users == {"second-115310627314723954"}
    goods = sample("products-create", id=2)
    for name, secret in (("main", SECRET), ("second", OTHER)):
        assert (await deliver(ingest, "products/create", goods, to=name, secret=secret))[0] == 200
    products = [m.product for m in await ingest.kept() if isinstance(m, ProductChanged)]
    assert sorted(products) == ["2", "second-2"]
    assert (await deliver(ingest, "orders/create", body, to="second", secret=SECRET))[0] == 401


async def test_a_repeat_has_the_same_message_ids(ingest: Place) -> None:
    """Identity drops a messageId that it has seen."""
    body = sample("customers-create", id=3, email="three@example.com")

    for _ in range(2):
        assert (await deliver(ingest, "customers/create", body))[0] == 200

    kept = [e for e in await events(ingest, "shopify/main") if e.get("userId") == "main-3"]
    assert len(kept) == 4
    assert len({e["messageId"] for e in kept}) == 2


async def test_a_body_that_was_touched_is_refused(ingest: Place) -> None:
    body = sample("orders-create", id=4)
    good = signature(body, SECRET)

    for sent, said in ((body + b" ", good), (body, good[:-4] + "AAA="), (body, ""), (body, "é")):
        status, answer = await deliver(ingest, "orders/create", sent, X_Shopify_Hmac_Sha256=said)
        assert (status, answer["title"]) == (401, "Not signed")
    kept = await events(ingest, "shopify/main")
    assert not [e for e in kept if e.get("properties", {}).get("order_id") == "4"]


async def test_a_source_that_there_is_none_or_of_another_kind_is_404(ingest: Place) -> None:
    body = sample("orders-create")

    assert (await deliver(ingest, "orders/create", body, to="nobody"))[0] == 404
    status, _ = await ingest.post("/webhooks/woocommerce/main", body, headers={})
    assert status == 404


async def test_a_delivery_of_another_shop_is_refused(ingest: Place) -> None:
    """Two shops of one app sign with one secret."""
    await make(
        ingest, "one", shop="shopify", secret=SECRET, settings={"domain": "one.myshopify.com"}
    )
    body = sample("orders-create", id=5)

    assert (await deliver(ingest, "orders/create", body, to="one"))[0] == 403
    domain = {"X_Shopify_Shop_Domain": "One.MyShopify.com"}
    assert (await deliver(ingest, "orders/create", body, to="one", **domain))[0] == 200


async def test_products_and_stock_are_kept_for_the_catalogue(ingest: Place) -> None:
    await deliver(ingest, "products/create", sample("products-create", id=6))
    await deliver(ingest, "inventory_levels/update", sample("inventory-levels-update"))

    kept = [m for m in await ingest.kept() if not isinstance(m, StoreEvent)]
    [product] = [m for m in kept if isinstance(m, ProductChanged) and m.product == "6"]
    [stock] = [m for m in kept if not isinstance(m, ProductChanged)]
    assert (product.product, product.facts["name"]) == ("6", "Example T-Shirt")
    assert (stock.item, stock.location, stock.stock) == ("271878346596884015", "24826418", 10)


async def test_what_nothing_is_made_of_is_kept_with_the_reason(ingest: Place) -> None:
    without = sample("orders-create", id=7, currency=None)
    sent = {
        "orders/create": without,
        "themes/publish": b'{"id": 1}',
        "shop/redact": b'{"shop_id": 954889}',
        "orders/paid": b"[1]",
        "customers_email_marketing_consent/update": sample("consent-never-asked"),
    }
    for topic, body in sent.items():
        assert (await deliver(ingest, topic, body))[0] == 200
    test = sample("orders-create", id=8)
    await deliver(ingest, "orders/updated", test, X_Shopify_Test="true")

    raw = {m.topic: (m.reason.partition(";")[0], m.body) for m in await ingest.kept("raw-events")}
    assert raw == {
        "orders/create": ("properties.currency: is missing or no currency", without),
        "themes/publish": ("unmapped", sent["themes/publish"]),
        "shop/redact": ("unmapped", sent["shop/redact"]),
        "orders/paid": ("body: is no JSON object", b"[1]"),
        "customers_email_marketing_consent/update": (
            "says nothing",
            sent["customers_email_marketing_consent/update"],
        ),
        "orders/updated": ("a test notification", test),
    }


async def test_an_order_with_very_many_lines_is_kept_without_the_last(ingest: Place) -> None:
    [line, *_] = json.loads(sample("orders-create"))["line_items"]

    await deliver(ingest, "orders/create", sample("orders-create", id=9, line_items=[line] * 600))

    said = [e.get("properties", {}) for e in await events(ingest, "shopify/main")]
    [order] = [p for p in said if p.get("order_id") == "9"]
    assert order["products_left_out"] + len(order["products"]) == 600
    assert order["total"] == 404.95


async def test_a_body_that_is_too_large_is_refused(ingest: Place) -> None:
    url, body = f"{ingest.url}/webhooks/shopify/main", BytesIO(b"x" * (4 * 1024 * 1024 + 1))

    async with ingest.session.post(url, data=body) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("shopify/nobody", b"404"),
        ("woocommerce/nobody", b"404"),
        ("bigcommerce/nobody", b"404"),
        ("bigcommerce/thin", b"401"),
    ],
)
async def test_who_has_no_business_here_is_answered_before_the_body_is_read(
    ingest: Place, path: str, wanted: bytes
) -> None:
    """Here none comes at all: nobody makes us hold megabytes for a source that there is none."""
    settings = {"store_hash": "abc123"}
    await make(ingest, "thin", shop="bigcommerce", secret=SECRET, settings=settings)
    address = urlsplit(ingest.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST /webhooks/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n"
    writer.write(head.encode())

    async with asyncio.timeout(5):
        assert (await reader.readline()).split()[1] == wanted
    writer.close()


async def test_woocommerces_ping_is_answered(ingest: Place) -> None:
    await make(ingest, "woo", shop="woocommerce", secret=SECRET)

    form = {"content-type": "application/x-www-form-urlencoded"}
    for name, wanted in (("woo", 200), ("nobody", 404)):
        status, _ = await ingest.post(f"/webhooks/woocommerce/{name}", "webhook_id=7", headers=form)
        assert status == wanted
    status, _ = await ingest.post("/webhooks/woocommerce/woo", '{"id": 7}', headers=form)
    assert status == 401
