"""What a request's events become: published, and an answer that says which were not."""

import asyncio
import math
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, get_args

import msgspec
import structlog
import uuid_utils

from services.ingest import metrics
from services.ingest.cors import check_origin
from services.ingest.domain.calls import BATCH, Body, Ready, Remark, Sender, read, understood
from services.ingest.domain.glance import Event
from services.ingest.domain.rates import Rates
from services.ingest.taken import Taken, refused_by, taken_of, unavailable
from shared.contracts import DeliveryEvent, topics
from shared.contracts.codec import encode
from shared.contracts.events import Origin
from shared.contracts.keys import contact_key
from shared.contracts.topics import Topic
from shared.contracts.wire import BadCall
from shared.errors import Problem
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Addressed
from shared.keys import Key, Scope

log = structlog.get_logger()
WHOLE = (400, 403, 413, 415, 429)  # what a request is refused with besides its events' faults


class Acknowledged(Protocol):
    """adapters.tickets.Ticket."""

    done: asyncio.Future[set[int]]


class Publishes(Protocol):
    """adapters.publisher.Publisher."""

    async def publish(self, messages: Sequence[Addressed]) -> set[int]: ...

    def post(self, topic: str, partitions: int, events: Sequence[Ready]) -> Acknowledged: ...


class TellsRefusals(Protocol):
    """adapters.refusals.Refusals."""

    def tell(
        self,
        sender: Sender,
        route: str,
        remarks: Sequence[Remark],
        events: Sequence[Event] = (),
        *,
        a_second: int = ...,
    ) -> None: ...


class KnowsKeys(Protocol):
    """adapters.write_keys.WriteKeys."""

    async def key(self, token: str, *scopes: Scope) -> Key: ...

    async def origins(self) -> Collection[str]: ...


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
    refusals: TellsRefusals
    rates: Rates = field(default_factory=Rates)


class Credentials(NamedTuple):
    """What the headers say about the sender. `token`: empty if the body must have the key.

    `page`: the origin of the page that a browser sends for, empty if it is none.
    """

    token: str = ""
    scopes: tuple[Scope, ...] = ("write_events", "browser")
    origin: Origin = "live"
    page: str = ""


async def take_events(door: Door, kind: str, data: bytes, credentials: Credentials) -> Taken:
    """When all were accepted. Raises Problem with one entry per refused event."""
    key = await _admitted(door, credentials.token, credentials) if credentials.token else None
    body = _read(door, kind, data, key, credentials)
    try:
        key = key or await _admitted(door, body.key, credentials)
        _count(door.rates, key, len(body.events))
    except Problem as problem:
        if not credentials.token:  # else the caller knows it, and tells
            await tell_whole(door, kind, credentials._replace(token=body.key), problem)
        raise
    sender = sender_of(door, key, credentials, body.sent_at)
    ready, refused = understood(body.events, sender, body.seen)
    failed = await post(door, ready).done if ready else set()
    return concluded(door, Judged(kind, sender, body.events, ready, refused), failed)


def post(door: Door, ready: Sequence[Ready]) -> Acknowledged:
    """On their way to Kafka; without room for them all are lost at once."""
    topic = door.topics.prefix + topics.STORE_EVENTS.name
    return door.publisher.post(topic, door.topics.partitions, ready)


class Judged(msgspec.Struct, frozen=True):
    """A request's events: those that were published, and those that were refused."""

    kind: str
    sender: Sender
    events: Sequence[Event]
    ready: Sequence[Ready]
    refused: Sequence[Remark]


def concluded(door: Door, judged: Judged, failed: set[int]) -> Taken:
    """What the caller hears. `failed`: places of `ready` that Kafka did not take.

    Raises Problem with one entry per event that was refused or lost.
    """
    kind, ready, refused = judged.kind, judged.ready, judged.refused
    gone = [ready[place] for place in sorted(failed)] if failed else []
    lost = [Remark(one.place, one.message_id, "", "was not kept; send it again") for one in gone]
    taken = taken_of(ready, lost)
    metrics.ACCEPTED.inc(taken.accepted)
    if refused:
        metrics.REFUSED.inc(len(refused))
        door.refusals.tell(judged.sender, f"/v1/{kind}", refused, judged.events)
    if lost:
        metrics.UNAVAILABLE.inc(len(lost))
        raise unavailable([*refused, *lost], taken)
    if refused:
        said = {"workspace": judged.sender.workspace, "field": refused[0].field}
        log.info("refused", events=len(refused), **said)
        raise refused_by(refused, taken, batch=kind == BATCH)
    return taken


def _read(door: Door, kind: str, data: bytes, key: Key | None, credentials: Credentials) -> Body:
    """Raises Problem 400. `key`: None if it is to stand in the body."""
    try:
        return read(kind, data)
    except BadCall as bad:
        metrics.REFUSED.inc()
        refused = [Remark(0, "", bad.field, bad.message)]
        if key:  # else nobody knows whose it is
            door.refusals.tell(sender_of(door, key, credentials), f"/v1/{kind}", refused)
        raise refused_by(refused) from bad


async def tell_whole(door: Door, kind: str, credentials: Credentials, problem: Problem) -> None:
    """The live view shows what a request was refused for as a whole, if it has a key that exists.

    Stock SDKs do not say it: a page that may not use its key, a key for reading, too much at once.
    """
    if problem.status not in WHOLE or "errors" in problem.more or not credentials.token:
        return
    with suppress(Problem):  # nobody knows whose it was
        key = await door.keys.key(credentials.token, *get_args(Scope))
        remark = Remark(0, "", "request", f"{problem.status} {problem.title}: {problem}")
        door.refusals.tell(sender_of(door, key, credentials), f"/v1/{kind}", [remark])


async def _admitted(door: Door, token: str, credentials: Credentials) -> Key:
    """The key, if it may send at all now. Raises Problem 401, 403, 429, 503."""
    key = await door.keys.key(token, *credentials.scopes)
    if credentials.page:
        check_origin(key, credentials.page)
    _count(door.rates, key, 0)
    return key


def too_many(rates: Rates, key: Key, events: int) -> float:
    """Counts all of a request's events and gives 0, or none: the seconds until they could come.

    No events: whether one could.
    """
    limit = rates.limit(key.per_second)
    return rates.wait(key.prefix, limit, events, time.monotonic()) if limit else 0.0


def _count(rates: Rates, key: Key, events: int) -> None:
    """Raises Problem 429."""
    wait = too_many(rates, key, events)
    if wait:
        metrics.LIMITED.inc(max(events, 1))
        seconds = math.ceil(wait)
        why = f"The key {key.prefix} may send {rates.limit(key.per_second)} events a second"
        why += f"; send it again in {seconds} seconds. Nothing of it was taken."
        raise Problem(429, "Too many events", why, retry_after=seconds)


def sender_of(
    door: Door, key: Key, credentials: Credentials, sent_at: datetime | None = None
) -> Sender:
    origin, via = credentials.origin, key.prefix
    return Sender(key.workspace, door.now(), _new_id, origin, via, key.public, sent_at)


async def take_delivery_event(door: Door, event: DeliveryEvent) -> None:
    """Returns when Kafka has it; raises Problem 503."""
    await take_delivery_events(door, [event])


async def take_delivery_events(door: Door, events: Sequence[DeliveryEvent]) -> None:
    """The same of several; some may have arrived when it raises."""
    messages = [delivery_message(door.topics, event) for event in events]
    if messages and await door.publisher.publish(messages):
        raise unavailable([])


def delivery_message(addresses: Topics, event: DeliveryEvent) -> Addressed:
    key = contact_key(event.workspace, event.contact)
    return addresses.address(topics.DELIVERY_EVENTS, key, encode(event))


def _new_id() -> str:
    return str(uuid_utils.uuid7())
