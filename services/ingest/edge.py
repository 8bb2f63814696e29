"""The hot routes as one small raw ASGI app; everything else goes to FastAPI behind it.

`POST /v1/track /v1/identify /v1/page /v1/screen /v1/alias /v1/group /v1/batch`, described in
`documentation.py`. Measures all requests, also those of FastAPI.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from services.ingest import metrics
from services.ingest.adapters.bodies import Disconnected, Receive, read_body
from services.ingest.adapters.write_keys import token_of
from services.ingest.domain.calls import BATCH, ROUTES
from services.ingest.domain.validation import MAX_BATCH_BYTES
from services.ingest.handlers import Credentials, Door, take_events
from services.ingest.refusing import refusal
from shared.errors import Problem

log = structlog.get_logger()
Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = (b"content-type", b"application/json")
SUCCESS = b'{"success":true}'


class Edge:
    """The outermost ASGI app of ingest."""

    def __init__(self, door: Door, behind: App) -> None:
        self._door, self._behind = door, behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = ROUTES.get(scope["path"]) if scope["type"] == "http" else None
        if kind is not None:
            await self._events(kind, scope, receive, send)
        elif scope["type"] == "http":
            await self._measured(scope, receive, send)
        else:
            await self._behind(scope, receive, send)

    async def _events(self, kind: str, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        code = 200
        try:
            accepted = await self._taken(kind, scope, receive)
            answer = SUCCESS if kind != BATCH else b'{"success":true,"accepted":%d}' % accepted
            await _answer(send, answer)
        except Problem as problem:
            code = problem.status
            await _refuse(send, problem)
        except Disconnected:
            code = 499
        metrics.duration_of(scope["path"], _method(scope), code).observe(
            time.perf_counter() - began
        )

    async def _taken(self, kind: str, scope: Scope, receive: Receive) -> int:
        if scope["method"] != "POST":
            raise Problem(405, "Method not allowed", "Use POST.", allow="POST")
        headers: dict[bytes, bytes] = dict(scope["headers"])
        credentials = credentials_of(kind, headers)
        data = await read_body(receive, headers, MAX_BATCH_BYTES)
        return await take_events(self._door, kind, data, credentials)

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, code = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        try:
            await self._behind(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            metrics.duration_of(route, _method(scope), code).observe(time.perf_counter() - began)


def credentials_of(kind: str, headers: dict[bytes, bytes]) -> Credentials:
    """Raises Problem: an unreadable key, an unknown origin, an import that may not be."""
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    how, token = token_of(authorization) if authorization else ("", "")
    origin = headers.get(b"x-tuvi-origin", b"live").decode("latin-1").strip().lower()
    if origin == "live":
        return Credentials(token)
    if origin != "import":
        raise Problem(400, "Unknown origin", "X-Tuvi-Origin: give live or import.")
    if kind != BATCH:
        raise Problem(400, "No batch", "X-Tuvi-Origin: import is taken at /v1/batch only.")
    if how != "bearer":
        raise Problem(401, "Key missing", "An import needs `Authorization: Bearer <key>`.")
    return Credentials(token or "-", "write", "import")


def _method(scope: Scope) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"


async def _refuse(send: Send, problem: Problem) -> None:
    response = refusal(problem)
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await send({"type": "http.response.body", "body": response.body})


async def _answer(send: Send, body: bytes) -> None:
    headers = [JSON, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
