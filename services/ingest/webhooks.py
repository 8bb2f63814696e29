"""A shop's delivery on its way to Kafka: all of it is there, or the shop is asked to repeat it."""

import re
from hashlib import sha256

import msgspec
import structlog

from services.ingest import metrics
from services.ingest.domain.calls import Remark, Sender
from services.ingest.domain.shops.outcome import Told, kept, told
from services.ingest.domain.shops.source import Source
from services.ingest.domain.shops.table import Delivery
from services.ingest.handlers import Door
from services.ingest.taken import RETRY_AFTER
from shared.contracts import RawEvent, topics
from shared.contracts.codec import decode_plain, encode
from shared.contracts.keys import item_key, product_key
from shared.contracts.wire import Plain
from shared.errors import Problem
from shared.kafka.producer import Addressed

log = structlog.get_logger()
_DELIVERY_ID = re.compile(r"[\w.:+/=-]{1,100}", re.ASCII)
TEST = "a test notification"  # its order is nobody's: it would count in every number


async def take_webhook(
    door: Door, source: Source, topic: str, delivery_id: str, body: bytes, *, raw: str = ""
) -> None:
    """A delivery that was let in, as it came; `raw`: why nothing is to be made of it. Returns when
    Kafka has it; raises Problem 503.
    """
    found = object_of(body)
    delivery = Delivery(
        source.shop,
        source.name,
        topic,
        _id(delivery_id, body),
        found or {},
        door.now(),
        source.settings,
    )
    if found is None:
        outcome = kept(delivery, source.workspace, body, "body: is no JSON object")
    elif raw:
        outcome = kept(delivery, source.workspace, body, raw)
    else:
        outcome = told(delivery, source.workspace, body)
    await publish(door, delivery, outcome)


async def publish(door: Door, delivery: Delivery, outcome: Told) -> None:
    """Returns when Kafka has all of it; raises Problem 503, and a repeat changes nothing."""
    said = {"via": delivery.via, "topic": delivery.topic[:80], "delivery": delivery.id}
    if await door.publisher.publish(_messages(door, outcome)):
        metrics.WEBHOOKS.labels(delivery.shop, "unavailable").inc()
        log.warning("webhook not kept", **said)
        detail = f"Send it again in {RETRY_AFTER} seconds; a repeat changes nothing."
        raise Problem(503, "Not kept", detail, retry_after=RETRY_AFTER)
    metrics.WEBHOOKS.labels(delivery.shop, "raw" if outcome.raw else "mapped").inc()
    metrics.ACCEPTED.inc(len(outcome.events))
    for raw in outcome.raw:
        log.info("webhook kept raw", reason=raw.reason.partition(":")[0], **said)
    _show_kept(door, delivery, outcome.raw)


def _show_kept(door: Door, delivery: Delivery, raw: list[RawEvent]) -> None:
    """In the live view: that nothing was made of it, or of a part, and why."""
    for one in raw:
        field, found, why = one.reason.partition(": ")
        field, why = (field, why) if found else ("topic", one.reason)
        remark = Remark(0, delivery.id, field, f"{why}; it is kept as a raw event")
        sender = Sender(one.workspace, delivery.received_at, str, via=delivery.via)
        named = encode({"type": "webhook", "event": delivery.topic})
        door.refusals.tell(sender, f"/webhooks/{delivery.shop}", [remark], [named])


def show_turned_away(door: Door, source: Source, field: str, why: str) -> None:
    """In the live view: one a second, for anybody can knock."""
    sender = Sender(source.workspace, door.now(), str, via=source.via)
    remarks = [Remark(0, "", field, why)]
    door.refusals.tell(sender, f"/webhooks/{source.shop}", remarks, a_second=1)


def _messages(door: Door, outcome: Told) -> list[Addressed]:
    address, store, raw = door.topics.address, topics.STORE_EVENTS, topics.RAW_EVENTS
    return [
        *(address(store, event.key, event.value) for event in outcome.events),
        *(
            address(store, product_key(one.workspace, one.product), encode(one))
            for one in outcome.products
        ),
        *(address(store, item_key(one.workspace, one.item), encode(one)) for one in outcome.stock),
        *(address(raw, one.via, encode(one)) for one in outcome.raw),
    ]


def object_of(body: bytes) -> Plain | None:
    """The JSON object that it is; None if it is none."""
    try:
        found = decode_plain(body)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _id(given: str, body: bytes) -> str:
    """The shop's id of the delivery; without one, what it says is what makes it a repeat."""
    return given if _DELIVERY_ID.fullmatch(given) else sha256(body).hexdigest()[:32]
