"""HTTP's front: a connection must say what it wants within seconds and in a few kilobytes, and
listen to the answers.

uvicorn waits for a request's head for ever, and keeps as much of it as comes; it queues requests
that come before an answer without end, and waits for ever for who does not read.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
MAX_HEAD_BYTES = 64 * 1024
MAX_PIPELINED = 100  # requests
UNREAD_SECONDS = 30.0


class Impatient(HttpToolsProtocol):
    """Hangs up on who does not finish a request's head, the first one or a later one, on who goes
    on asking, and on who does not read.
    """

    _head = 0  # bytes of a head that is not whole yet; a bound, for a body's may be among them
    _late: asyncio.TimerHandle | None = None
    _deaf: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwait()
        self._heard()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head += len(data)
        super().data_received(data)
        if self._head > MAX_HEAD_BYTES or len(self.pipeline) > MAX_PIPELINED:
            self.transport.close()
        elif self._head and self._late is None:
            self._wait()

    def on_headers_complete(self) -> None:
        self._unwait()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unwait()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unwait()
        super().on_message_complete()

    def pause_writing(self) -> None:
        self._heard()
        self._deaf = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._heard()
        super().resume_writing()

    def _heard(self) -> None:
        if self._deaf is not None:
            self._deaf.cancel()
            self._deaf = None

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _unwait(self) -> None:
        self._head = 0
        if self._late is not None:
            self._late.cancel()
            self._late = None
