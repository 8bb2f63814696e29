"""Publishes what many requests bring, in batches, and tells each request what was acknowledged.

Per destination partition one batch is in flight and the rest waits in order, so events of one key
stay in order. What waits for the partitions of one broker goes to it as one convoy, and the next
one when it has answered, so that many requests share what a round costs. A partition that cannot be
written holds up nothing but itself.

aiokafka never gives up a batch that was once sent; here a message has a deadline, and a producer
whose batch misses it is thrown away. What waits is bounded in bytes.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import NamedTuple, Protocol

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition

from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Addressed, drop
from shared.tasks import to_its_end

from .lanes import Lane, fill
from .producers import RECONNECT_AFTER, connected
from .tickets import Parcel, Record, Ticket

log = structlog.get_logger()
LINGER = 0.001  # seconds that a round waits for company
ROUND = 0.1  # seconds after which a partition that is not acknowledged keeps nobody waiting
LOOK_EVERY = 0.1  # seconds between two looks for what is overdue
MARK = 0.8  # of the cap: beyond it the process is not ready
OVERHEAD = 300  # bytes that an entry costs besides its message
Parcels = dict[tuple[str, int], tuple[list[Record], list[int]]]  # by topic and partition


@lru_cache(maxsize=16_384)  # who does one thing in a shop does another soon
def _way(key: str, partitions: int) -> tuple[int, bytes]:
    """Where it goes, and as what."""
    return partition_of(key, partitions), key.encode()


class Limits(NamedTuple):
    """`deadline`: seconds from `publish` to the acknowledgement; `cap`: bytes that may wait."""

    deadline: float = 3.0
    cap: int = 64 * 1024 * 1024


class Keyed(Protocol):
    """calls.Ready."""

    @property
    def key(self) -> str: ...

    @property
    def value(self) -> bytes: ...


@dataclass(slots=True)
class Convoy:
    """To one broker: the partitions of which something waits for the next round."""

    lanes: list[Lane] = field(default_factory=list)
    driver: asyncio.Task[None] | None = None


class Publisher:
    """`run` beside the service; `publish` from any number of requests at once."""

    def __init__(self, bootstrap: str, limits: Limits = Limits()) -> None:  # noqa: B008  a constant
        self._bootstrap, self._limits = bootstrap, limits
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._convoys: dict[int | None, Convoy] = {}  # by broker; None: nobody knows it yet
        self._producer: AIOKafkaProducer | None = None
        self._broken = asyncio.Event()
        self._stopped = False
        self.waiting_bytes = 0

    async def publish(self, messages: Sequence[Addressed]) -> set[int]:
        """Which of the messages were not acknowledged in time, by their place; empty if all were.

        One that was not may still arrive. Headers are left out: ingest's messages have none.
        """
        if not messages:
            return set()
        parcels: Parcels = {}
        for place, (topic, partition, key, value, _) in enumerate(messages):
            records, places = parcels.setdefault((topic, partition), ([], []))
            records.append((key, value))
            places.append(place)
        size = sum(len(message.key) + len(message.value or b"") for message in messages)
        return await self._queued(parcels, len(messages), size).done

    def post(self, topic: str, partitions: int, events: Sequence[Keyed]) -> Ticket:
        """The same for some of one topic, at least one, and nothing awaited."""
        size = 0
        found: dict[int, tuple[list[Record], list[int]]] = {}
        for place, event in enumerate(events):
            value = event.value
            partition, key = _way(event.key, partitions)
            size += len(key) + len(value)
            parcel = found.get(partition)
            if parcel is None:
                found[partition] = parcel = [], []
            parcel[0].append((key, value))
            parcel[1].append(place)
        parcels = {(topic, partition): parcel for partition, parcel in found.items()}
        return self._queued(parcels, len(events), size)

    def _queued(self, parcels: Parcels, count: int, size: int) -> Ticket:
        size += count * OVERHEAD
        ticket = Ticket(count, size, self._limits.deadline)
        if self._stopped or self.waiting_bytes + size > self._limits.cap:
            ticket.done.set_result(set(range(count)))
            return ticket
        self.waiting_bytes += size
        for destination, (records, places) in parcels.items():
            lane = self._lanes.get(destination)
            if lane is None:
                lane = self._lanes[destination] = Lane(*destination)
            lane.waiting.append(Parcel(ticket, records, places))
            self._call(lane)
        return ticket

    def wrong(self) -> str | None:
        """Why no event should be sent here; None when all is well."""
        if self._producer is None:
            return "Kafka cannot be reached"
        if self.waiting_bytes > MARK * self._limits.cap:
            return "too much is waiting for Kafka"
        return None

    async def run(self) -> None:
        """Until cancelled: keeps one producer, and makes a fresh one when it is broken."""
        watch = asyncio.create_task(self._watch())
        try:
            while True:
                producer = await connected(self._bootstrap, self._limits.deadline)
                try:
                    await self._use(producer)
                finally:
                    await to_its_end(self._reset(producer))
                await asyncio.sleep(RECONNECT_AFTER)  # nobody gains by a storm of producers
        finally:
            self._stopped = True
            watch.cancel()
            for lane in self._lanes.values():
                self._settle(lane.waiting, acknowledged=False)
                lane.waiting.clear()

    async def _use(self, producer: AIOKafkaProducer) -> None:
        """Until it is broken."""
        self._broken.clear()
        self._producer = producer
        for lane in self._lanes.values():
            self._call(lane)
        await self._broken.wait()

    def _call(self, lane: Lane) -> None:
        """A convoy to its broker will take what waits there."""
        producer = self._producer
        if producer is None or lane.called or not lane.waiting:
            return
        lane.called = True
        leader = producer.client.cluster.leader_for_partition(
            TopicPartition(lane.topic, lane.partition)
        )
        convoy = self._convoys.setdefault(leader, Convoy())
        convoy.lanes.append(lane)
        if convoy.driver is None:
            convoy.driver = asyncio.create_task(self._drive(convoy, producer))

    async def _drive(self, convoy: Convoy, producer: AIOKafkaProducer) -> None:
        """Rounds while there is something to take: the next when the first of one has landed, or
        does not land.
        """
        try:
            while convoy.lanes:
                await asyncio.sleep(LINGER)
                lanes, convoy.lanes = convoy.lanes, []
                sent = [await self._sent(lane, producer) for lane in lanes]
                await asyncio.wait(sent, timeout=ROUND, return_when=asyncio.FIRST_COMPLETED)
            convoy.driver = None
        except Exception as error:  # noqa: BLE001  whatever it is, the producer is given up
            self._give_up(error)

    async def _sent(self, lane: Lane, producer: AIOKafkaProducer) -> asyncio.Future[object]:
        """What waits there is on its way; the acknowledgement comes by the future."""
        sent: asyncio.Future[object] = await producer.send_batch(
            fill(lane), lane.topic, partition=lane.partition
        )
        sent.add_done_callback(partial(self._landed, lane, producer))
        return sent

    def _landed(self, lane: Lane, producer: AIOKafkaProducer, sent: asyncio.Future[object]) -> None:
        error = None if sent.cancelled() else sent.exception()
        if producer is not self._producer:
            return  # it was given up, and all that flew with it
        if sent.cancelled() or error is not None:
            self._give_up(error)
            return
        self._settle(lane.flying, acknowledged=True)
        lane.flying, lane.called = [], False
        self._call(lane)

    def _give_up(self, error: BaseException | None) -> None:
        log.warning("not acknowledged", error=repr(error))
        self._broken.set()

    def _settle(self, parcels: Iterable[Parcel], *, acknowledged: bool) -> None:
        for ticket, records, places in parcels:
            if not acknowledged:
                ticket.failed.update(places)
            ticket.left -= len(records)
            if not ticket.left:
                self.waiting_bytes -= ticket.size
                if not ticket.done.done():  # its request may have been cancelled
                    ticket.done.set_result(ticket.failed)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = asyncio.get_running_loop().time()
            overdue = [lane for lane in self._lanes.values() if lane.overdue(now)]
            for lane in overdue:
                flying, lane.flying = lane.flying, []
                self._settle(flying, acknowledged=False)
                self._settle(lane.take_overdue(now), acknowledged=False)
            if overdue and self._producer is not None:
                log.warning("Kafka did not acknowledge in time")
                self._broken.set()

    async def _reset(self, producer: AIOKafkaProducer) -> None:
        """Let go of the producer; what it had in hand counts as not acknowledged."""
        self._producer = None
        drivers = [convoy.driver for convoy in self._convoys.values() if convoy.driver is not None]
        self._convoys.clear()
        for driver in drivers:
            driver.cancel()
        await asyncio.gather(*drivers, return_exceptions=True)
        for lane in self._lanes.values():
            flying, lane.flying, lane.called = lane.flying, [], False
            self._settle(flying, acknowledged=False)
        await drop(producer)
