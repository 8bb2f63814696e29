"""A delivery is its shop's own or nobody's, and what it becomes fits onto Kafka."""

import gzip
import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.shops.outcome import MAX_RAW, told
from services.ingest.domain.shops.source import Source, same_shop, signed, told_secret
from services.ingest.domain.shops.table import Delivery, Shop, fitting
from services.ingest.domain.validation import MAX_EVENT_BYTES
from shared.contracts.codec import encode
from shared.kafka.producer import MAX_BATCH_BYTES
from tests.unit.ingest.shops.recorded import NOW, SETTINGS, recorded


def source(shop: Shop = "shopify", **settings: str) -> Source:
    return Source("main", "default", shop, dict(settings), ("newest", "before"), "token")


def delivery(topic: str, body: Any) -> Delivery:
    return Delivery("shopify", "main", topic, "d-1", body, NOW, SETTINGS)


def test_a_signature_is_taken_from_whoever_has_a_secret() -> None:
    """By: printf '{"id":1}' | openssl dgst -sha256 -hmac hush -binary | base64."""
    by_openssl = "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY="

    assert signed(b'{"id":1}', by_openssl, ["hush"])
    assert signed(b'{"id":1}', by_openssl, ["new", "hush"])
    assert not signed(b'{"id":1} ', by_openssl, ["hush"])
    assert not signed(b'{"id":1}', by_openssl, ["other"])
    assert not signed(b'{"id":1}', by_openssl, [])


@given(body=st.binary(), said=st.text())
def test_no_text_is_a_signature(body: bytes, said: str) -> None:
    assert not signed(body, said, ["hush"])
    assert told_secret(said, ["hush"]) == (said.strip() == "hush")


@pytest.mark.parametrize(
    ("found", "header", "same"),
    [
        (source(), "any.myshopify.com", True),
        (source(domain="a.myshopify.com"), "A.MyShopify.com", True),
        (source(domain="a.myshopify.com"), "b.myshopify.com", False),
        (source(domain="a.myshopify.com"), "", True),
        (source(url="https://shop.example.com"), "a.myshopify.com", True),
        (
            source("woocommerce", url="https://www.shop.example.com"),
            "https://shop.example.com/",
            True,
        ),
        (source("woocommerce", url="https://shop.example.com"), "https://evil.example.com/", False),
        (source("woocommerce", url="https://shop.example.com"), "http://[", True),
    ],
)
def test_a_delivery_names_its_shop(found: Source, header: str, same: bool) -> None:
    assert same_shop(found, header) is same


def test_secrets_are_in_no_text_of_a_source() -> None:
    assert "newest" not in repr(source())
    assert "token" not in repr(source())


@given(
    count=st.integers(0, 300),
    width=st.integers(0, 400),
    rest=st.text(max_size=3_000),
)
def test_an_order_fits_and_counts_what_it_left_out(count: int, width: int, rest: str) -> None:
    products = [{"product_id": str(n), "name": "x" * width} for n in range(count)]
    call = {"type": "track", "properties": {"products": products, "note": rest}}

    fitted = fitting(call)

    said = fitted["properties"]
    assert len(encode(fitted)) <= MAX_EVENT_BYTES
    assert len(said["products"]) + said.get("products_left_out", 0) == count
    assert said["products"] == products[: len(said["products"])]
    left_out = products[len(said["products"]) :]
    if left_out:  # no room for one more
        more = {**said, "products": [*said["products"], left_out[0]]}
        assert len(encode({**fitted, "properties": more})) > MAX_EVENT_BYTES - 100


def test_a_product_with_too_many_variants_is_kept_without_them() -> None:
    variants = [{"id": n, "title": "y" * 900, "sku": "z" * 900} for n in range(2_000)]
    body = {"id": 1, "title": "T-Shirt", "variants": variants}

    found = told(delivery("products/update", body), "default", json.dumps(body).encode())

    [product], [raw] = found.products, found.raw
    assert "variants" not in product.facts
    assert product.facts["name"] == "T-Shirt"
    assert raw.reason.startswith("variants: ")
    assert json.loads(gzip.decompress(raw.body)) == body
    assert all(len(encode(message)) < MAX_BATCH_BYTES for message in (product, raw))


def test_what_is_kept_raw_fits() -> None:
    body = Random(7).randbytes(3 * MAX_RAW)  # the worst: nothing packs it

    [raw] = told(delivery("themes/publish", {}), "default", body).raw

    assert len(encode(raw)) < MAX_BATCH_BYTES


def test_what_is_refused_is_kept_as_it_came_and_the_rest_is_taken() -> None:
    [one] = [r for r in recorded("shopify") if r.path.stem == "orders-create"]
    body = {**one.delivery.body, "currency": None}

    found = told(delivery("orders/create", body), "default", b"as it came")

    assert len(found.events) == 1  # who the buyer is
    [raw] = found.raw
    assert raw.reason.startswith("properties.currency: ")
    assert (raw.body, raw.via, raw.topic) == (b"as it came", "shopify/main", "orders/create")


def test_nothing_is_said_to_be_from_the_future() -> None:
    body = {"id": 1, "title": "T", "updated_at": "2099-01-01T00:00:00Z"}

    [product] = told(delivery("products/update", body), "default", b"{}").products

    assert product.at == NOW
