"""Stock SDKs, unchanged but for the host, in their own runtimes, through ten seconds without Kafka.

What an SDK reported as delivered comes out of stage identity once; nothing else comes out.
"""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.stack import Stack
from services.ingest.domain.public import PREFIX
from services.segmenter.identity_stage import IdentityStage
from services.segmenter.settings import Settings
from shared.contracts import CODECS, IdentifiedEvent, topics
from shared.keys import create_key
from shared.runtime import Runtime
from tests.integration.ingest_place import TOKEN_KEYS, Place, place

SDKS = Path(__file__).parent.parent / "sdks"
NODE = Path(sys.executable).with_name("node")
EVENTS, SECONDS = 1_000, 13
BEFORE, OUTAGE = 2, 10  # seconds
PAGE = "https://shop.example"
CALLS = {"track", "identify", "page", "screen", "alias", "group"}
PROGRAMS = {
    "segment": [sys.executable, "python_sdk.py", "segment"],
    "rudder": [sys.executable, "python_sdk.py", "rudder"],
    "node": [str(NODE), "node_sdk.js"],
    "browser": [str(NODE), "browser_sdk.js"],
}


@dataclass
class Told:
    """What an SDK said: all messageIds with their kinds, and those that it gave up."""

    sent: dict[str, str]
    failed: set[str]

    @property
    def delivered(self) -> set[str]:
        return set(self.sent) - self.failed


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(own_stack: Stack, database: str) -> AsyncIterator[Place]:
    async with place(database, own_stack.parts["kafka"].address, "") as running:
        await running.ready()
        yield running


async def run(program: list[str], *arguments: str) -> Told:
    process = await asyncio.create_subprocess_exec(
        *program, *arguments, cwd=SDKS, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    said = json.loads(out.splitlines()[-1])
    return Told(said["sent"], set(said["failed"]))


async def outage(stack: Stack) -> None:
    """The broker stands still; connections to it stay open and silent."""
    await asyncio.sleep(BEFORE)
    pid = stack.parts["kafka"].child.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(OUTAGE)
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def identity(database: str, kafka: str) -> AsyncIterator[None]:
    """The stage at work, in this process."""
    dsn = database.replace("postgres@", "tuvi_segmenter@")
    settings = Settings(kafka=kafka, dsn=dsn, token_keys=TOKEN_KEYS)
    runtime = await Runtime.start(settings, "segmenter")
    coroutines = [*runtime.background().values(), runtime.consume(IdentityStage())]
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await runtime.close()
        assert [e for e in ended if not isinstance(e, asyncio.CancelledError)] == []


async def identified(kafka: str) -> list[Any]:
    """All that stage identity made of what is in store-events."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        await _caught_up(consumer, kafka)
        return await _whole(consumer)
    finally:
        await consumer.stop()


async def _caught_up(consumer: AIOKafkaConsumer, kafka: str) -> None:
    """What the stage has read it has published, before it says so to Kafka."""
    places = [TopicPartition(topics.STORE_EVENTS.name, p) for p in (0, 1)]
    ends = await consumer.end_offsets(places)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        async with asyncio.timeout(60):
            while True:
                done = await admin.list_consumer_group_offsets("tuvi-identity")
                if all(tp in done and done[tp].offset >= end for tp, end in ends.items()):
                    return
                await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def _whole(consumer: AIOKafkaConsumer) -> list[Any]:
    """As every consumer takes them: what was published again has the headers that it had."""
    places = [TopicPartition(topics.IDENTIFIED_EVENTS.name, p) for p in (0, 1)]
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    ends = await consumer.end_offsets(places)
    found: dict[Any, Any] = {}
    for tp in places:
        while await consumer.position(tp) < ends[tp]:
            for record in (await consumer.getmany(tp, timeout_ms=1000)).get(tp, []):
                decoded = CODECS[topics.IDENTIFIED_EVENTS.name].decode(record.value)
                found[tp.partition, record.headers] = decoded
    return list(found.values())


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_what_an_sdk_reported_as_delivered_is_identified_once(
    ingest: Place, own_stack: Stack, database: str
) -> None:
    connection = await asyncpg.connect(database)
    public = await create_key(connection, "default", "browser", origins=[PAGE])
    await connection.close()
    keys = {"browser": public}
    running = [
        run(program, ingest.url, keys.get(name, ingest.key), str(EVENTS), str(SECONDS))
        for name, program in PROGRAMS.items()
    ]
    async with identity(database, ingest.kafka):
        silent = asyncio.create_task(outage(own_stack))
        all_told = await asyncio.gather(*running)
        await silent
        found = await identified(ingest.kafka)
    came = Counter(
        m.event.message_id.removeprefix(PREFIX) for m in found if isinstance(m, IdentifiedEvent)
    )
    for name, told in zip(PROGRAMS, all_told, strict=True):
        assert set(told.sent.values()) == CALLS, name
        assert len(told.sent) == EVENTS + len(CALLS) - (name != "browser"), name
        assert len(told.delivered) > EVENTS / 2, name
        assert {id_: came[id_] for id_ in told.delivered if came[id_] != 1} == {}, name
    everything = {id_ for told in all_told for id_ in told.sent}
    assert set(came) <= everything
    assert max(came.values()) == 1
