"""Many connections that post over and over: a load that costs little itself."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit


@dataclass(slots=True)
class Load:
    """What came back so far. `times`: seconds of each call."""

    requests: list[bytes]
    accepted: int = 0
    refused: int = 0
    times: list[float] = field(default_factory=list)
    going_on: bool = True


class Caller(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, load: Load, first: int) -> None:
        self._load, self._next = load, first
        self._answer = b""
        self._sent = 0.0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._post()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, gap, body = self._answer.partition(b"\r\n\r\n")
        if not gap or len(body) < _length(head):
            return
        self._answer = b""
        load = self._load
        load.times.append(time.perf_counter() - self._sent)
        if head.startswith(b"HTTP/1.1 200"):
            load.accepted += 1
        else:
            load.refused += 1
        if load.going_on:
            self._post()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def _post(self) -> None:
        requests = self._load.requests
        self._sent = time.perf_counter()
        self._transport.write(requests[self._next % len(requests)])
        self._next += 1


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def request(url: str, key: str, path: str, body: bytes) -> bytes:
    """The bytes of one POST."""
    host = urlsplit(url).netloc
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextlib.asynccontextmanager
async def posting(url: str, requests: list[bytes], connections: int) -> AsyncIterator[Load]:
    """Until the block ends, and then until every call has its answer."""
    loop = asyncio.get_running_loop()
    host, _, port = urlsplit(url).netloc.partition(":")
    load = Load(requests)
    callers = []
    for number in range(connections):
        caller = Caller(load, number * len(requests) // connections)
        await loop.create_connection(lambda caller=caller: caller, host, int(port))  # type: ignore[misc]
        callers.append(caller)
    try:
        yield load
    finally:
        load.going_on = False
        await asyncio.gather(*(caller.closed for caller in callers))
