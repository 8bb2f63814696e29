"""Ingest under full load, one core its own: what an event costs it, how long a caller waits, how
much memory it takes, and that Kafka has all that was accepted.

In turns with it on the same core: aiokafka's bare `send_batch`, and a bare ASGI forwarder.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts import topics
from shared.contracts.codec import encode
from shared.contracts.topics import DEFAULT_PARTITIONS
from tests.benchmarks import workload
from tests.benchmarks.caller import posting, request
from tests.benchmarks.cores import apart, forget_peak, peak_megabytes
from tests.benchmarks.figures import Reading
from tests.benchmarks.limits import Raw
from tests.benchmarks.measures import LOOK, Pair, ready
from tests.benchmarks.place import Ground, Place, place

SECONDS = 3.0  # of measured posting, a round
WARM = 0.5  # before it, on the same connections
OUTAGE = 60.0  # of the broker
BATCH = 100
SINGLES_AT_ONCE, BATCHES_AT_ONCE = 64, 16
ONE_IN_100 = 0.01
VALUES = 4_000  # of which a round of bare batches is made, many times over
TIMES = 25

FORWARDER = "bare ASGI forwarder"
SEND_BATCH = "bare send_batch, events"


@dataclass(slots=True)
class Posts:
    """Requests ready to be written, and how many events are in one."""

    requests: list[bytes]
    events: int
    at_once: int


def singles(url: str, key: str) -> Posts:
    bodies = [encode(workload.call(n)) for n in range(1000)]
    paths = ["/v1/identify" if b'"identify"' in body else "/v1/track" for body in bodies]
    made = [request(url, key, p, b) for p, b in zip(paths, bodies, strict=True)]
    return Posts(made, 1, SINGLES_AT_ONCE)


def batches(url: str, key: str) -> Posts:
    starts = range(0, 50 * BATCH, BATCH)
    bodies = [encode({"batch": [workload.call(n) for n in range(s, s + BATCH)]}) for s in starts]
    return Posts([request(url, key, "/v1/batch", b) for b in bodies], BATCH, BATCHES_AT_ONCE)


@contextlib.asynccontextmanager
async def ingest(ground: Ground, raw: Raw) -> AsyncIterator[Pair]:
    """Per event and CPU second, p99, peak memory; singles, then batches."""
    async with place(ground, "ingest") as here:
        ready(here, "ingest")
        ready(here, "forwarder", "tests.benchmarks.forwarder", "serve")
        values = [encode(workload.call(n)) for n in range(VALUES)]

        async def measured() -> list[Reading]:
            return await _both(here, "ingest")

        async def bare() -> list[Reading]:
            found = await _both(here, "forwarder")
            with apart([os.getpid()], ground.servers):
                alone = await raw.send_batch(values, max(1, int(TIMES * ground.scale)))
            found[1] = Reading(alone.per_cpu(alone.own), alone.count, alone.own, alone.all)
            return found

        yield Pair(measured, bare)


@contextlib.asynccontextmanager
async def outage(ground: Ground, raw: Raw) -> AsyncIterator[Pair]:
    """Peak memory while the broker stands still for a minute and everybody goes on posting."""
    async with place(ground, "outage") as here:
        ready(here, "ingest")

        async def measured() -> list[Reading]:
            return [await _without_kafka(here, max(3.0, OUTAGE * ground.scale))]

        async def nothing() -> list[Reading]:
            return []

        yield Pair(measured, nothing)


async def _both(here: Place, name: str) -> list[Reading]:
    pid = here.children[name].pid
    forget_peak(pid)
    found, waits = [], []
    with apart([pid], here.ground.servers):
        for make in (singles, batches):
            reading, slowest = await _posted(here, name, make(here.urls[name], here.write_key))
            found.append(reading)
            waits.append(Reading(slowest * 1000))
    return [*found, *waits, Reading(peak_megabytes(pid))]


async def _posted(here: Place, name: str, posts: Posts) -> tuple[Reading, float]:
    """Events per CPU second of the server, and what 99 of 100 calls stay under."""
    own = here.children[name].pid
    before = await _ends(here)
    async with posting(here.urls[name], posts.requests, posts.at_once) as load:
        await asyncio.sleep(WARM)
        first, cpu = len(load.times), here.ground.cpu([own])
        await asyncio.sleep(max(0.5, SECONDS * here.ground.scale))
        times, spent = load.times[first:], here.ground.cpu([own])
    arrived, kept = await _ends(here) - before, posts.events if name == "ingest" else 1
    if load.refused or arrived != load.accepted * kept:
        told = (
            f"{load.refused} calls refused, {load.accepted} accepted, {arrived} messages in Kafka"
        )
        raise RuntimeError(told)
    count, own_cpu = len(times) * posts.events, spent[0] - cpu[0]
    reading = Reading(count / own_cpu, count, own_cpu, spent[1] - cpu[1])
    return reading, slowest(times, ONE_IN_100)


async def _without_kafka(here: Place, seconds: float) -> Reading:
    """Both kinds of callers at once, before, during and after; what was accepted must be there."""
    pid = here.children["ingest"].pid
    kafka = here.ground.servers[0]
    forget_peak(pid)
    before = await _ends(here)
    made = [make(here.urls["ingest"], here.write_key) for make in (singles, batches)]
    async with contextlib.AsyncExitStack() as stack:
        loads = [
            await stack.enter_async_context(posting(here.urls["ingest"], p.requests, p.at_once))
            for p in made
        ]
        await asyncio.sleep(WARM)
        os.kill(kafka, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(kafka, signal.SIGCONT)
        known = [load.accepted for load in loads]
        async with asyncio.timeout(30):
            while any(load.accepted <= then for load, then in zip(loads, known, strict=True)):
                await asyncio.sleep(LOOK)
    accepted = sum(load.accepted * p.events for load, p in zip(loads, made, strict=True))
    arrived = await _ends(here) - before
    if arrived < accepted:  # what was answered with 503 may have arrived, too
        raise RuntimeError(f"{accepted} events accepted, {arrived} in Kafka")
    return Reading(peak_megabytes(pid))


async def _ends(here: Place) -> int:
    """How many messages `store-events` has got so far."""
    consumer = AIOKafkaConsumer(bootstrap_servers=here.ground.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        name = here.prefix + topics.STORE_EVENTS.name
        places = [TopicPartition(name, partition) for partition in range(DEFAULT_PARTITIONS)]
        return sum((await consumer.end_offsets(places)).values())
    finally:
        await consumer.stop()


def slowest(times: list[float], part: float) -> float:
    """What all but this part of them stay under."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * (1 - part)))]
