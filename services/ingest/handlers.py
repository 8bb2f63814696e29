"""What a request's events become: published, and an answer that says which were not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
import uuid_utils

from services.ingest import metrics
from services.ingest.domain.calls import BATCH, Ready, Refusal, Sender, read, understood
from shared.auth import Scope
from shared.contracts import DeliveryEvent, topics
from shared.contracts.codec import encode
from shared.contracts.events import Origin
from shared.contracts.keys import contact_key
from shared.contracts.topics import Topic
from shared.contracts.wire import BadCall
from shared.errors import Problem
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Addressed

log = structlog.get_logger()
RETRY_AFTER = 2  # seconds


class Publishes(Protocol):
    """adapters.publisher.Publisher."""

    async def publish(self, messages: Sequence[Addressed]) -> set[int]: ...


class KnowsKeys(Protocol):
    """adapters.write_keys.WriteKeys."""

    async def workspace(self, token: str, scope: Scope) -> str: ...


@dataclass(frozen=True, slots=True)
class Topics:
    """Where messages go: the number of partitions, and what names begin with in tests."""

    partitions: int
    prefix: str = ""

    def address(self, topic: Topic, key: str, value: bytes) -> Addressed:
        partition = partition_of(key, self.partitions)
        return Addressed(self.prefix + topic.name, partition, key.encode(), value, ())


@dataclass(frozen=True, slots=True)
class Door:
    """All that the handlers stand on. `now`: business time."""

    publisher: Publishes
    keys: KnowsKeys
    topics: Topics
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the headers say about the sender. `token`: empty if the body must have the key."""

    token: str = ""
    scope: Scope = "write_events"
    origin: Origin = "live"


async def take_events(door: Door, kind: str, data: bytes, credentials: Credentials) -> int:
    """How many were accepted: all of them. Raises Problem with one entry per refused event."""
    try:
        body = read(kind, data)
    except BadCall as bad:
        if credentials.token:  # else the key was to stand in the body, which cannot be read
            await door.keys.workspace(credentials.token, credentials.scope)
        metrics.REFUSED.inc()
        raise _refused([Refusal(0, "", bad.field, bad.message)], 0) from bad
    workspace = await door.keys.workspace(credentials.token or body.key, credentials.scope)
    sender = Sender(workspace, door.now(), _new_id, credentials.origin)
    ready, refused = understood(body.events, sender)
    lost = await _publish(door, ready)
    accepted = len(ready) - len(lost)
    metrics.ACCEPTED.inc(accepted)
    metrics.REFUSED.inc(len(refused))
    if lost:
        metrics.UNAVAILABLE.inc(len(lost))
        raise _unavailable([*refused, *lost], accepted)
    if refused:
        log.info("refused", workspace=workspace, events=len(refused), field=refused[0].field)
        raise _refused(refused, accepted, batch=kind == BATCH)
    return accepted


async def _publish(door: Door, ready: list[Ready]) -> list[Refusal]:
    messages = [door.topics.address(topics.STORE_EVENTS, r.key, r.value) for r in ready]
    failed = await door.publisher.publish(messages)
    return [
        Refusal(ready[place].place, ready[place].message_id, "", "was not kept; send it again")
        for place in sorted(failed)
    ]


async def take_delivery_event(door: Door, event: DeliveryEvent) -> None:
    """Returns when Kafka has it; raises Problem 503."""
    key = contact_key(event.workspace, event.contact)
    message = door.topics.address(topics.DELIVERY_EVENTS, key, encode(event))
    if await door.publisher.publish([message]):
        raise _unavailable([], 0)


def _new_id() -> str:
    return str(uuid_utils.uuid7())


def _refused(refused: list[Refusal], accepted: int, *, batch: bool = False) -> Problem:
    first = refused[0]
    more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    kept = f"; {accepted} accepted" if batch else ""
    return Problem(
        400,
        "Events refused",
        f"{first.field}: {first.message}{more}{kept}.",
        errors=[refusal.plain() for refusal in refused],
        accepted=accepted,
    )


def _unavailable(lost: list[Refusal], accepted: int) -> Problem:
    return Problem(
        503,
        "Not kept",
        f"Send it again in {RETRY_AFTER} seconds; a messageId keeps it from counting twice.",
        errors=[refusal.plain() for refusal in sorted(lost)],
        accepted=accepted,
        retry_after=RETRY_AFTER,
    )
