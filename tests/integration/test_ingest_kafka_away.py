"""Kafka goes away and comes back; ingest is told to go: what was answered with 200 is kept."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec
import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from services.ingest.adapters.publisher import Limits, Publisher
from shared.contracts import DeliveryEvent
from shared.db.migrate import migrate
from shared.kafka.producer import Addressed
from shared.keys import create_key
from tests.integration.ingest_place import TOKEN_KEYS, Place, place
from tests.integration.queue_place import REGION, document, moto, queue_place

DEADLINE = 1.5


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(own_stack: Stack, database: str) -> AsyncIterator[Place]:
    broker = own_stack.parts["kafka"]
    async with place(database, broker.address, "", ingest_deadline=DEADLINE) as running:
        await running.ready()
        yield running


def view(user: str, number: int) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Viewed",
        "userId": user,
        "messageId": f"{user}-{number}",
    }


async def test_a_frozen_broker_is_503_within_the_deadline_and_then_all_goes_on(
    ingest: Place, own_stack: Stack
) -> None:
    pid = own_stack.parts["kafka"].child.pid
    loud: list[dict[str, Any]] = []  # what asyncio would put into the log
    asyncio.get_running_loop().set_exception_handler(lambda _, context: loud.append(context))
    async with asyncio.timeout(30):  # the topics were made a moment ago
        while (await ingest.post("/v1/track", view("before", 0)))[0] != 200:
            pass
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        answers = await asyncio.gather(
            *(ingest.post("/v1/batch", {"batch": [view(f"frozen-{n}", 0)] * 5}) for n in range(20))
        )
        took = time.monotonic() - began
        assert {status for status, _ in answers} == {503}
        assert {answer["accepted"] for _, answer in answers} == {0}
        assert took < DEADLINE + 1
        async with ingest.session.get(ingest.url + "/readyz") as answer:
            assert answer.status == 503
        async with ingest.session.get(ingest.url + "/metrics") as answer:
            assert "tuvi_ingest_queue_bytes 0.0" in await answer.text()
    finally:
        os.kill(pid, signal.SIGCONT)

    await ingest.ready()
    for number in range(3):
        assert (await ingest.post("/v1/track", view("after", number)))[0] == 200
    kept = [stored.message_id for stored in await ingest.kept()]
    assert [message for message in kept if message.startswith("after")] == [
        "after-0",
        "after-1",
        "after-2",
    ]
    gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)
    assert loud == []


async def test_what_sqs_brings_waits_for_kafka_and_nothing_more_is_taken(
    own_stack: Stack, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = own_stack.parts["kafka"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with moto() as endpoint, queue_place(endpoint) as queue:
        settings = queue.settings(ingest_deadline=DEADLINE, sqs_hidden=30)
        async with place(database, broker.address, "", **settings) as running:
            await running.ready()
            await queue.tell(document("m_before"))
            await queue.until(0)
            os.kill(broker.child.pid, signal.SIGSTOP)
            try:
                await asyncio.gather(*(queue.tell(document(f"m_{n}")) for n in range(5)))
                async with asyncio.timeout(20):
                    while await _status(running) != 503:
                        await asyncio.sleep(0.05)
                in_hand = await queue.in_flight()
                assert in_hand
                await asyncio.gather(*(queue.tell(document(f"m_{n}")) for n in range(5, 10)))
                await asyncio.sleep(1.5)  # longer than a long poll
                assert (await queue.in_flight(), await queue.left()) == (in_hand, 10)
            finally:
                os.kill(broker.child.pid, signal.SIGCONT)
            await queue.until(0)
            kept = await running.kept("delivery-events")
            found = {event.message for event in kept if isinstance(event, DeliveryEvent)}
            assert found == {"m_before", *(f"m_{n}" for n in range(10))}
            assert await queue.left(queue.dead) == 0


async def test_what_waits_is_bounded_in_bytes(kafka: str) -> None:
    """No broker, so everything waits: beyond the cap it is refused at once."""
    publisher = Publisher("127.0.0.1:1", Limits(deadline=0.3, cap=100_000))
    running = asyncio.create_task(publisher.run())
    message = Addressed("t", 0, b"k", b"x" * 30_000, ())

    first = [asyncio.create_task(publisher.publish([message])) for _ in range(3)]
    await asyncio.sleep(0)
    assert publisher.wrong()
    assert await publisher.publish([message]) == {0}
    assert publisher.waiting_bytes <= 100_000
    assert await asyncio.gather(*first) == [{0}] * 3
    assert publisher.waiting_bytes == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_every_message_of_a_request_has_its_own_result(
    kafka: str, database: str, topic_prefix: str
) -> None:
    """One goes to a topic that does not exist; the other is acknowledged all the same."""
    await migrate(database, kafka, partitions=2, prefix=topic_prefix)
    publisher = Publisher(kafka, Limits(deadline=2))
    running = asyncio.create_task(publisher.run())
    good = Addressed(topic_prefix + "journey-events", 0, b"k", b"v", ())
    bad = Addressed(topic_prefix + "no-such-topic", 0, b"k", b"v", ())
    async with asyncio.timeout(60):  # the topics were made a moment ago
        while await publisher.publish([good]):
            pass

    assert await publisher.publish([good, bad, good]) == {1}

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest_asyncio.fixture
async def process(
    database: str, kafka: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[tuple[subprocess.Popen[bytes], Place]]:
    async with _process(database, kafka, topic_prefix, tmp_path) as running:
        yield running


@asynccontextmanager
async def _process(
    database: str, kafka: str, topic_prefix: str, tmp_path: Path, **more: str
) -> AsyncIterator[tuple[subprocess.Popen[bytes], Place]]:
    """Ingest as `tuvi serve` runs it."""
    await migrate(database, kafka, partitions=2, prefix=topic_prefix)
    connection = await asyncpg.connect(database)
    key = await create_key(connection, "default", "write_events")
    await connection.close()
    port = _free_port()
    environment = os.environ | {
        "TUVI_DSN": database.replace("postgres@", "tuvi_ingest@"),
        "TUVI_KAFKA": kafka,
        "TUVI_TOPIC_PREFIX": topic_prefix,
        "TUVI_PORT": str(port),
        "TUVI_TOKEN_KEYS": msgspec.json.encode(TOKEN_KEYS).decode(),
        **more,
    }
    child = _served(environment, tmp_path / "log")
    try:
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{port}"
            running = Place(url, key, "", kafka, topic_prefix, session)
            await _answering(running)
            yield child, running
    finally:
        child.kill()
        child.wait()


async def test_sigterm_loses_nothing_that_was_answered(
    process: tuple[subprocess.Popen[bytes], Place],
) -> None:
    child, ingest = process
    kept: list[str] = []

    async def shop(user: str) -> None:
        for number in range(10_000):
            try:
                status, _ = await ingest.post("/v1/track", view(user, number))
            except aiohttp.ClientError:
                return
            if status == 200:
                kept.append(f"{user}-{number}")

    shops = [asyncio.create_task(shop(f"term-{n}")) for n in range(10)]
    async with asyncio.timeout(20):
        while len(kept) < 200:
            await asyncio.sleep(0.01)
    child.send_signal(signal.SIGTERM)
    await asyncio.gather(*shops)

    assert await asyncio.to_thread(child.wait, 25) == 0
    found = [s.message_id for s in await ingest.kept() if s.message_id.startswith("term-")]
    assert set(kept) <= set(found)
    assert len(found) == len(set(found))
    for user in {message.rsplit("-", 1)[0] for message in found}:
        numbers = [int(m.rsplit("-", 1)[1]) for m in found if m.rsplit("-", 1)[0] == user]
        assert numbers == sorted(numbers)


async def test_sigterm_waits_for_no_long_poll(
    database: str, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Twenty seconds each, in threads that cannot be told to stop."""
    with moto() as endpoint, queue_place(endpoint) as queue:
        settings = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "TUVI_SQS_QUEUE_URL": queue.queue,
            "TUVI_SQS_ENDPOINT": endpoint,
            "TUVI_SQS_REGION": REGION,
            "TUVI_SNS_TOPICS": f'["{queue.topic}"]',
        }
        async with _process(database, kafka, topic_prefix, tmp_path, **settings) as (child, _):
            await queue.tell(document("m_term"))
            await queue.until(0)  # the next polls have begun
            child.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(child.wait, 12) == 0


def _served(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tuvi.cli", "serve", "ingest"]
    with log.open("wb") as out:
        return subprocess.Popen(command, env=environment, stdout=out, stderr=out)


async def _status(ingest: Place) -> int:
    async with ingest.session.get(ingest.url + "/readyz") as answer:
        return answer.status


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


async def _answering(ingest: Place) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await ingest.ready()
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
            else:
                return
