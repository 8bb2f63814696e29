"""Publishes what many requests bring, in batches, and tells each request what was acknowledged.

Per destination partition one batch is in flight and the rest waits in order, so events of one key
stay in order. aiokafka never gives up a batch that was once sent; here a message has a deadline,
and a producer whose batch misses it is thrown away. What waits is bounded in bytes.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaProducer

from shared.kafka.producer import Addressed, drop
from shared.tasks import to_its_end

from .lanes import Lane, fill
from .producers import RECONNECT_AFTER, connected
from .tickets import Parcel, Ticket

log = structlog.get_logger()
LOOK_EVERY = 0.1  # seconds between two looks for what is overdue
MARK = 0.8  # of the cap: beyond it the process is not ready
OVERHEAD = 300  # bytes that an entry costs besides its message


class Limits(NamedTuple):
    """`deadline`: seconds from `publish` to the acknowledgement; `cap`: bytes that may wait."""

    deadline: float = 3.0
    cap: int = 64 * 1024 * 1024


class Publisher:
    """`run` beside the service; `publish` from any number of requests at once."""

    def __init__(self, bootstrap: str, limits: Limits = Limits()) -> None:  # noqa: B008  a constant
        self._bootstrap, self._limits = bootstrap, limits
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._producer: AIOKafkaProducer | None = None
        self._broken = asyncio.Event()
        self._stopped = False
        self.waiting_bytes = 0

    async def publish(self, messages: Sequence[Addressed]) -> set[int]:
        """Which of the messages were not acknowledged in time, by their place; empty if all were.

        One that was not may still arrive.
        """
        size = sum(len(m.key) + len(m.value or b"") + OVERHEAD for m in messages)
        if self._stopped or self.waiting_bytes + size > self._limits.cap:
            return set(range(len(messages)))
        if not messages:
            return set()
        self.waiting_bytes += size
        ticket = Ticket(len(messages), size, self._limits.deadline)
        for lane, parcel in self._parcels(ticket, messages):
            lane.waiting.append(parcel)
            self._wake(lane)
        return await ticket.done

    def _parcels(
        self, ticket: Ticket, messages: Sequence[Addressed]
    ) -> Iterable[tuple[Lane, Parcel]]:
        if len(messages) == 1:
            message = messages[0]
            yield self._lane(message.topic, message.partition), Parcel(ticket, messages, (0,))
            return
        places: dict[tuple[str, int], list[int]] = {}
        for place, message in enumerate(messages):
            places.setdefault(message[:2], []).append(place)
        for destination, mine in places.items():
            yield self._lane(*destination), Parcel(ticket, [messages[p] for p in mine], mine)

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
            self._wake(lane)
        await self._broken.wait()

    def _lane(self, topic: str, partition: int) -> Lane:
        destination = topic, partition
        lane = self._lanes.get(destination)
        if lane is None:
            lane = self._lanes[destination] = Lane(*destination)
        return lane

    def _wake(self, lane: Lane) -> None:
        if lane.pump is None and lane.waiting and self._producer is not None:
            lane.pump = asyncio.create_task(self._pump(lane, self._producer))

    async def _pump(self, lane: Lane, producer: AIOKafkaProducer) -> None:
        try:
            while lane.waiting:
                batch = fill(lane, producer)
                await (await producer.send_batch(batch, lane.topic, partition=lane.partition))
                self._settle(lane.flying, acknowledged=True)
                lane.flying = []
            lane.pump = None
        except Exception as error:  # noqa: BLE001  whatever it is, the producer is given up
            log.warning("not acknowledged", topic=lane.topic, error=repr(error))
            self._broken.set()

    def _settle(self, parcels: Iterable[Parcel], *, acknowledged: bool) -> None:
        for ticket, messages, places in parcels:
            if not acknowledged:
                ticket.failed.update(places)
            ticket.left -= len(messages)
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
        pumps = [lane.pump for lane in self._lanes.values() if lane.pump is not None]
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for lane in self._lanes.values():
            flying, lane.flying, lane.pump = lane.flying, [], None
            self._settle(flying, acknowledged=False)
        await drop(producer)
