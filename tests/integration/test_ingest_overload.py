"""Who is slow, endless or too many is cut off with a clear answer; the others are served."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from services.ingest.domain.validation import MAX_BATCH_BYTES
from shared import impatient
from tests.integration.ingest_place import Place, place

ROOM = 2 * 1024 * 1024  # for four of the largest batches


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[Place]:
    limits: dict[str, Any] = {"ingest_room_bytes": ROOM, "ingest_patience": 0.2}
    async with place(database, kafka, topic_prefix, **limits) as running:
        await running.ready()
        yield running


class Line:
    """A connection by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, text: str) -> None:
        self.writer.write(text.encode())

    async def answer(self) -> tuple[int, str]:
        """Status and all that comes until the server hangs up."""
        async with asyncio.timeout(20):
            text = (await self.reader.read()).decode()
        return int(text.split(" ", 2)[1]) if text else 0, text

    async def head(self) -> tuple[int, str]:
        """Status and headers."""
        async with asyncio.timeout(20):
            text = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        return int(text.split(" ", 2)[1]), text


async def line(stack: AsyncExitStack, ingest: Place) -> Line:
    host, _, port = urlsplit(ingest.url).netloc.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    stack.callback(writer.close)
    return Line(reader, writer)


async def asking(deaf: Line, path: str) -> None:
    """On and on, without a look at the answers, which fill all that lies between."""
    while True:
        deaf.say(f"GET {path} HTTP/1.1\r\nHost: tests\r\n\r\n" * 100)
        await deaf.writer.drain()


def head(ingest: Place, length: int, path: str = "/v1/batch", after: str = "close") -> str:
    return (
        f"POST {path} HTTP/1.1\r\nHost: tests\r\nAuthorization: Bearer {ingest.key}\r\n"
        f"Content-Length: {length}\r\nConnection: {after}\r\n\r\n"
    )


async def good(ingest: Place) -> bool:
    status, _ = await ingest.post("/v1/track", {"event": "Product Viewed", "userId": "u-1"})
    return status == 200


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/webhooks/ses"])
async def test_a_body_that_does_not_come_is_given_up_and_said_so(ingest: Place, path: str) -> None:
    async with AsyncExitStack() as stack:
        slow = await line(stack, ingest)
        slow.say(head(ingest, 1000, path) + '{"batch": [')
        status, text = await slow.answer()
    assert status == 408
    assert "application/problem+json" in text
    assert await good(ingest)


async def test_a_head_that_does_not_end_is_given_up(
    ingest: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impatient, "HEAD_SECONDS", 0.1)
    async with AsyncExitStack() as stack:
        silent, first, later = [await line(stack, ingest) for _ in range(3)]
        first.say("POST /v1/batch HTTP/1.1\r\nHost: te")
        later.say("GET /healthz HTTP/1.1\r\nHost: tests\r\n\r\n")
        assert b"200" in await later.reader.readline()
        later.say("GET /healthz HTTP/1.1\r\nHost: te")
        assert await silent.answer() == (0, "")
        assert await first.answer() == (0, "")
        rest = await later.reader.read()  # of the first answer, and no other
        assert b"HTTP/1.1" not in rest


async def test_a_head_without_end_is_cut_off(ingest: Place) -> None:
    async with AsyncExitStack() as stack:
        endless = await line(stack, ingest)
        endless.say("POST /v1/batch HTTP/1.1\r\n")
        for number in range(3):
            endless.say(f"X-{number}: {'x' * impatient.MAX_HEAD_BYTES}\r\n")
        with suppress(ConnectionError):  # hung up while we still wrote
            assert await endless.answer() == (0, "")
    assert await good(ingest)


async def test_who_asks_without_end_before_an_answer_is_cut_off(ingest: Place) -> None:
    async with AsyncExitStack() as stack:
        eager = await line(stack, ingest)
        with suppress(ConnectionError):  # hung up while we still wrote
            eager.say("GET /healthz HTTP/1.1\r\nHost: tests\r\n\r\n" * 1000)
            heard = await eager.reader.read()
            assert heard.count(b"HTTP/1.1 200") < 1000
    assert await good(ingest)


async def test_who_does_not_listen_is_cut_off(
    ingest: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impatient, "UNREAD_SECONDS", 0.2)
    monkeypatch.setattr(impatient, "MAX_PIPELINED", 10**6)
    async with AsyncExitStack() as stack:
        deaf = await line(stack, ingest)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(asking(deaf, "/openapi.json"), 30)
    assert await good(ingest)


@pytest.mark.parametrize("path", ["/v1/batch", "/webhooks/ses"])
async def test_beyond_its_room_it_says_so_at_once_and_goes_on_when_there_is_room(
    ingest: Place, path: str
) -> None:
    part = MAX_BATCH_BYTES - 1
    async with AsyncExitStack() as stack:
        held = [await line(stack, ingest) for _ in range(1 + ROOM // part)]
        for each in held:
            each.say(head(ingest, part + 1, path, "keep-alive") + "x" * part)
            await each.writer.drain()
        heads = [await each.head() for each in held]
        assert {status for status, _ in heads} == {408, 503}
        assert all("retry-after: 1" in text for status, text in heads if status == 503)
    assert await good(ingest)


async def test_what_is_only_announced_keeps_nobody_out(ingest: Place) -> None:
    async with AsyncExitStack() as stack:
        liars = [await line(stack, ingest) for _ in range(2 * ROOM // MAX_BATCH_BYTES)]
        for each in liars:
            each.say(head(ingest, MAX_BATCH_BYTES))
        whole = json.dumps({"batch": [], "padding": "x" * (MAX_BATCH_BYTES - 100)})
        status, _ = await ingest.post("/v1/batch", whole)
        assert status == 200
        assert [(await each.answer())[0] for each in liars] == [408] * len(liars)


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        pytest.param(gzip.compress(b" " * 50_000_000), "gzip", 413, id="packed"),
        pytest.param(gzip.compress(gzip.compress(b" " * 50_000_000)), "gzip", 400, id="twice"),
        pytest.param(b'{"batch": ' + b"[" * 200_000, "identity", 400, id="deep"),
        pytest.param(b'{"a":' * 90_000 + b"1" + b"}" * 5, "identity", 400, id="deep objects"),
        pytest.param(b"[" + b"1," * 200_000 + b"1]", "identity", 400, id="long"),
        pytest.param(b'{"batch": [' + b"9" * 400_000 + b"]}", "identity", 400, id="endless number"),
    ],
)
async def test_a_bomb_is_refused(ingest: Place, body: bytes, encoding: str, status: int) -> None:
    headers = ingest.basic | {"content-encoding": encoding}
    async with ingest.session.post(ingest.url + "/v1/batch", data=body, headers=headers) as answer:
        assert answer.status == status
        assert json.loads(await answer.read())["status"] == status
