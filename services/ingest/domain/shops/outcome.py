"""What a delivery becomes on Kafka: events, products, stock, and what nothing was made of."""

import gzip
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from services.ingest.domain.calls import Ready, Sender, understood
from services.ingest.domain.shops.meaning import meaning
from services.ingest.domain.shops.table import Delivery, Meaning, ProductFacts
from shared.contracts import ProductChanged, RawEvent, StockChanged
from shared.contracts.codec import encode

UNMAPPED = "unmapped"
SAYS_NOTHING = "says nothing"
MAX_RAW = 600_000  # bytes; a message of Kafka's has up to a megabyte, in base64
MAX_PRODUCT = 300_000  # of one statement; what the catalogue keeps of a product has more room
_MANY = ("variants", "variant_ids")
MAX_ID = 256


class Told(NamedTuple):
    """Everything to publish of one delivery. `raw` keeps it whole, for each reason once."""

    events: list[Ready]
    products: list[ProductChanged]
    stock: list[StockChanged]
    raw: list[RawEvent]


def told(delivery: Delivery, workspace: str, body: bytes) -> Told:
    """Total. What is refused, unmapped or means nothing is kept as it came, never lost."""
    found = meaning(delivery)
    if found is None:
        return kept(delivery, workspace, body, UNMAPPED)
    calls = [encode(call) for call in found.calls]
    sender = Sender(workspace, delivery.received_at, lambda: "", via=delivery.via)
    ready, refused = understood(calls, sender)
    products, large = _products(delivery, workspace, found)
    reasons = [f"{remark.field}: {remark.message}" for remark in refused] + large
    if not any(found):
        reasons = [SAYS_NOTHING]
    raw = [_raw(delivery, workspace, body, reason) for reason in dict.fromkeys(reasons)]
    return Told(ready, products, list(_stock(delivery, workspace, found)), raw)


def kept(delivery: Delivery, workspace: str, body: bytes, reason: str) -> Told:
    """As it came, with the reason."""
    return Told([], [], [], [_raw(delivery, workspace, body, reason)])


def _products(
    delivery: Delivery, workspace: str, found: Meaning
) -> tuple[list[ProductChanged], list[str]]:
    made, wrong = [], []
    for index, product in enumerate(found.products):
        if len(product.product) > MAX_ID:
            wrong.append(f"product: its id has more than {MAX_ID} characters")
            continue
        facts = product.facts
        if len(encode(facts)) > MAX_PRODUCT:
            facts = {name: fact for name, fact in facts.items() if name not in _MANY}
            wrong.append(f"variants: have more than {MAX_PRODUCT} bytes; the rest was taken")
        made.append(_product(delivery, workspace, product._replace(facts=facts), index))
    return made, wrong


def _product(
    delivery: Delivery, workspace: str, product: ProductFacts, index: int
) -> ProductChanged:
    return ProductChanged(
        workspace=workspace,
        product=product.product,
        message_id=f"{delivery.via}/{delivery.id}/product/{index}",
        at=_at(product.at, delivery.received_at),
        received_at=delivery.received_at,
        facts=product.facts,
        deleted=product.deleted,
        via=delivery.via,
    )


def _stock(delivery: Delivery, workspace: str, found: Meaning) -> Iterator[StockChanged]:
    for index, one in enumerate(found.stock):
        yield StockChanged(
            workspace=workspace,
            item=one.item[:MAX_ID],
            location=one.location[:MAX_ID],
            stock=one.stock,
            message_id=f"{delivery.via}/{delivery.id}/stock/{index}",
            at=_at(one.at, delivery.received_at),
            received_at=delivery.received_at,
            via=delivery.via,
        )


def _at(said: str | None, received_at: datetime) -> datetime:
    """Nothing is from the future: it would outlive all that comes later."""
    return min(datetime.fromisoformat(said), received_at) if said else received_at


def _raw(delivery: Delivery, workspace: str, body: bytes, reason: str) -> RawEvent:
    packed = gzip.compress(body, mtime=0) if len(body) > MAX_RAW else body
    if len(packed) > MAX_RAW:
        packed, reason = packed[:MAX_RAW], f"{reason} (cut: too large to be kept whole)"
    return RawEvent(
        workspace=workspace,
        via=delivery.via,
        topic=delivery.topic[:MAX_ID],
        delivery=delivery.id,
        received_at=delivery.received_at,
        reason=reason[:1_000],
        body=packed,
    )
