"""Many connections that post over and over for a while: a load that costs little itself."""

import asyncio
import time
from typing import cast
from urllib.parse import urlsplit


class Caller(asyncio.Protocol):
    """One connection: a request, its answer, the next request. `until` on the monotonic clock."""

    def __init__(self, requests: list[bytes], first: int, until: float) -> None:
        self._requests, self._next, self._until = requests, first, until
        self._answer = b""
        self.done, self.refused = 0, 0
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
        self.done += 1
        self.refused += not head.startswith(b"HTTP/1.1 200")
        if time.monotonic() < self._until:
            self._post()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def _post(self) -> None:
        self._transport.write(self._requests[self._next % len(self._requests)])
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


async def post_for(url: str, requests: list[bytes], connections: int, seconds: float) -> int:
    """How many were answered with 200; RuntimeError if any was not."""
    loop = asyncio.get_running_loop()
    host, _, port = urlsplit(url).netloc.partition(":")
    until = time.monotonic() + seconds
    callers = []
    for number in range(connections):
        first = number * len(requests) // connections
        _, caller = await loop.create_connection(
            lambda first=first: Caller(requests, first, until),  # type: ignore[misc]
            host,
            int(port),
        )
        callers.append(caller)
    await asyncio.gather(*(caller.closed for caller in callers))
    refused = sum(caller.refused for caller in callers)
    if refused:
        raise RuntimeError(f"{refused} of {sum(c.done for c in callers)} calls were refused")
    return sum(caller.done for caller in callers)
