"""Whatever a shop sends to its door, signed or not: never a 5xx, nothing lost, no dead letter."""

import base64
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import asyncpg
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.adapters.held import HeldWebhooks
from services.ingest.api import add_routes
from services.ingest.domain.shops.meaning import TABLES
from services.ingest.domain.shops.source import Source
from services.ingest.domain.shops.table import Shop
from services.ingest.edge import Edge
from services.ingest.handlers import Door, Topics
from services.ingest.holding import Holder
from services.ingest.routes import shops
from services.segmenter.domain.given import given_by
from services.segmenter.domain.normalise import normalised
from shared.contracts import CODECS, ProductChanged, RawEvent, StoreEvent
from shared.contracts.wire import Plain
from shared.kafka.producer import MAX_BATCH_BYTES, Addressed
from shared.service import Health, make_app
from tests.unit.ingest.anything import ANY_JSON, RAW_EVENTS
from tests.unit.ingest.calls import NOW
from tests.unit.ingest.doors import Answer, AnyKey, Kept, Untold, post
from tests.unit.ingest.shops.recorded import recorded

SECRET = "hush"
KEPT = Kept()


class OneSource:
    """Takes the place of the sources' table."""

    def find(self, shop: Shop, name: str) -> Source | None:
        return Source("main", "default", shop, {}, (SECRET,)) if name == "main" else None

    def delivered(self, source: Source, at: datetime) -> None:
        """Nobody looks."""


class NoFetches:
    """What was let in would be fetched."""

    async def take(self, source: Source, body: Plain, received_at: datetime) -> None:
        raise AssertionError(source.name)


def _app(kept: Kept) -> Edge:
    door = Door(kept, AnyKey(), Topics(4), lambda: NOW, Untold())
    app = make_app("ingest", Health())
    holder = Holder(door, HeldWebhooks(cast("asyncpg.Pool", None)))  # Kafka takes all of it
    add_routes(app, (shops.router(door, OneSource(), NoFetches(), holder),))
    return Edge(door, app)


APP = _app(KEPT)
TOPICS = sorted({topic for table in TABLES.values() for topic in table} | {"", "x/y"})
NAMES = ["x-shopify-topic", "x-shopify-webhook-id", "x-shopify-test", "x-shopify-shop-domain"]
HEADERS = st.dictionaries(
    st.sampled_from([*NAMES, "x-wc-webhook-topic", "x-wc-webhook-delivery-id"]),
    st.sampled_from(TOPICS) | st.text(st.characters(min_codepoint=32, max_codepoint=255)),
)
DOCUMENTED = st.sampled_from(recorded("shopify"))


def signed(body: bytes) -> dict[str, str]:
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    return {"x-shopify-hmac-sha256": signature, "x-wc-webhook-signature": signature}


def deliver(shop: str, body: bytes, headers: dict[str, str]) -> Answer:
    KEPT.messages.clear()
    return post(APP, f"/webhooks/{shop}/main", body, headers | signed(body))


def check_kept() -> None:
    """It is there, and identity can make something of each event."""
    assert KEPT.messages
    for message in KEPT.messages:
        assert message.value is not None
        assert len(message.value) < MAX_BATCH_BYTES
        decoded: Any = CODECS[message.topic].decode(message.value)
        assert isinstance(decoded, RawEvent | StoreEvent) or decoded.at <= NOW
        if isinstance(decoded, StoreEvent):
            call, event = normalised(decoded)
            assert given_by("default", call, event).identities


@settings(max_examples=100, deadline=None)
@given(
    shop=st.sampled_from(["shopify", "woocommerce"]),
    body=RAW_EVENTS | st.binary(max_size=100),
    headers=HEADERS,
)
def test_any_signed_bytes_are_kept(shop: str, body: bytes, headers: dict[str, str]) -> None:
    answer = deliver(shop, body, headers)

    assert answer.status == 200
    check_kept()


@settings(max_examples=100, deadline=None)
@given(one=DOCUMENTED, data=st.data())
def test_a_documented_webhook_with_anything_in_any_place_is_kept(one: Any, data: Any) -> None:
    body = dict(one.delivery.body)
    for key in data.draw(st.lists(st.sampled_from(sorted(body)), max_size=3)):
        body[key] = data.draw(ANY_JSON)
    said = json.dumps(body, default=str).encode("utf-8", "surrogatepass")

    answer = deliver("shopify", said, {"x-shopify-topic": one.delivery.topic})

    assert answer.status == 200
    check_kept()


@settings(max_examples=100, deadline=None)
@given(
    shop=st.sampled_from(["shopify", "woocommerce", "bigcommerce", "magento"]),
    source=st.sampled_from(["main", "nobody", "%00", "é"]),
    body=st.binary(max_size=50) | st.just(b'{"scope": "store/order/created"}'),
    headers=st.dictionaries(
        st.sampled_from(["x-shopify-hmac-sha256", "x-wc-webhook-signature", "x-tuvi-secret"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
    ),
)
def test_nothing_unsigned_is_kept(
    shop: str, source: str, body: bytes, headers: dict[str, str]
) -> None:
    KEPT.messages.clear()

    answer = post(APP, f"/webhooks/{shop}/{source}", body, headers)

    assert answer.status in {401, 404}
    assert not KEPT.messages


def test_a_product_of_a_webhook_is_the_catalogues() -> None:
    [one] = [r for r in recorded("shopify") if r.path.stem == "products-create"]
    body = json.dumps(one.delivery.body, default=str).encode()

    deliver("shopify", body, {"x-shopify-topic": "products/create"})

    [message] = KEPT.messages
    decoded = CODECS["store-events"].decode(message.value)
    assert isinstance(decoded, ProductChanged)
    assert message.key == b"default:product:788032119674292922"


class Away(Kept):
    """Kafka took the first and not the second, then neither."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = [{0, 1}, {1}]

    async def publish(self, messages: Sequence[Addressed]) -> set[int]:
        await super().publish(messages)
        return self.lost.pop()


def test_a_webhook_that_kafka_did_not_take_whole_is_asked_for_again_and_is_the_same() -> None:
    order = {"id": 1, "email": "ann@example.com", "total_price": "1", "currency": "EUR"}
    body = json.dumps(order).encode()
    headers = signed(body) | {"x-shopify-topic": "orders/create"}
    away = Away()
    app = _app(away)

    first, second = (post(app, "/webhooks/shopify/main", body, headers) for _ in range(2))

    assert (first.status, second.status) == (503, 503)
    assert json.loads(first.body)["title"] == "Not kept"
    ids = [CODECS["store-events"].decode(m.value).message_id for m in away.messages]
    assert len(ids) == 4
    assert ids[:2] == ids[2:]
