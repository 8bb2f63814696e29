"""Overload and slow callers: what is held is bounded, whoever posts what.

The outermost app. A request is let in while there is room for it; one whose body does not come
in time is answered 408. So memory is bounded by `room`, and by what may wait for Kafka
(`publisher.Limits`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Response

from services.ingest import metrics
from services.ingest.cors import heard_by
from services.ingest.refusing import refusal
from shared.errors import Problem

LOOKS = 4  # for who is slow, within one patience
OVERHEAD = 8 * 1024  # bytes that a request costs besides its body
QUICK = ("GET", "HEAD", "OPTIONS")  # have no body
FULL = "More is coming in than can be held; send it again."
SLOW = Problem(408, "Too slow", "The body did not come in time; send it again.", connection="close")

App = Callable[[Any, Any, Any], Awaitable[None]]


class Intake:
    """`room`: bytes of requests in hand; `patience`: seconds that a body may take to come."""

    def __init__(self, app: App, room: int, patience: float) -> None:
        self._app, self._patience = app, patience
        self.room = room
        self._coming: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] in QUICK:
            await self._app(scope, receive, send)
        elif self.room < OVERHEAD:
            await _refused(_full(), scope)(scope, receive, send)
        else:
            await self._taken(scope, receive, send)

    async def _taken(self, scope: Any, receive: Any, send: Any) -> None:
        """What comes is counted as it comes: what is announced costs who announces it nothing."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a server runs each request in one
        held = OVERHEAD
        self.room -= held
        coming = self._coming
        coming[task] = time.monotonic()

        async def received() -> Any:
            nonlocal held
            message = await receive()
            size = len(message.get("body", b""))
            if size > self.room:
                raise _full()
            held += size
            self.room -= size
            if not message.get("more_body"):
                coming.pop(task, None)
            return message

        try:
            await self._app(scope, received, send)
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            metrics.SLOW.inc()
            await _refused(SLOW, scope)(scope, receive, send)
        finally:
            self.room += held
            coming.pop(task, None)
            self._late.discard(task)

    async def watch(self) -> None:
        """Until cancelled: ends what waits for a body for too long."""
        while True:
            await asyncio.sleep(self._patience / LOOKS)
            oldest = time.monotonic() - self._patience
            for task, since in list(self._coming.items()):
                if since < oldest:
                    del self._coming[task]
                    self._late.add(task)
                    task.cancel()


def _refused(problem: Problem, scope: Any) -> Response:
    """A page may read why, too."""
    answer = refusal(problem)
    page = next((value for name, value in scope["headers"] if name == b"origin"), b"")
    if page:
        answer.headers.update(heard_by(page.decode("latin-1")))
    return answer


def _full() -> Problem:
    metrics.OVERLOADED.inc()
    return Problem(503, "Overloaded", FULL, retry_after=1)
