"""The hot routes as one small raw ASGI app; everything else goes to FastAPI behind it.

`POST /v1/track /v1/identify /v1/page /v1/screen /v1/alias /v1/group /v1/batch` and their first
letters, described in `documentation.py`. Measures all requests, also those of FastAPI.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from services.ingest import metrics
from services.ingest.adapters.bodies import GONE, Disconnected, Receive, read_body
from services.ingest.adapters.write_keys import token_of
from services.ingest.answers import Answer, refused, success, unexpected
from services.ingest.cors import heard_by, preflight
from services.ingest.domain.calls import BATCH, ROUTES
from services.ingest.domain.validation import MAX_BATCH_BYTES
from services.ingest.handlers import Credentials, Door, take_events, tell_whole
from services.ingest.taken import Taken
from shared.errors import Problem

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Edge:
    """The hot routes; behind them everything else."""

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
        began, code = time.perf_counter(), GONE
        try:
            code, headers, body = await self._answered(kind, scope, receive)
            await send({"type": "http.response.start", "status": code, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        except Disconnected:
            pass
        finally:
            metrics.duration_of(scope["path"], _method(scope), code).observe(
                time.perf_counter() - began
            )

    async def _answered(self, kind: str, scope: Scope, receive: Receive) -> Answer:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        page = headers.get(b"origin")
        try:
            if scope["method"] == "OPTIONS":
                return await self._preflight(page)
            answer = success(kind, await self._taken(kind, scope, headers, receive))
        except Problem as problem:
            answer = refused(problem)
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001  the caller gets an answer
            answer = unexpected(scope["path"], error)
        if page is not None:
            answer[1].extend(_raw(heard_by(page.decode("latin-1"))))
        return answer

    async def _preflight(self, page: bytes | None) -> Answer:
        if page is None:
            raise Problem(400, "No origin", "OPTIONS is a browser's question; it has an Origin.")
        allowed = preflight(page.decode("latin-1"), await self._door.keys.origins())
        return 204, _raw(allowed), b""

    async def _taken(
        self, kind: str, scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> Taken:
        if scope["method"] != "POST":
            raise Problem(405, "Method not allowed", "Use POST.", allow="POST")
        credentials = credentials_of(kind, headers)
        try:
            data = await read_body(receive, headers, MAX_BATCH_BYTES)
            return await take_events(self._door, kind, data, credentials)
        except Problem as problem:
            await tell_whole(self._door, kind, credentials, problem)
            raise

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
    page = headers.get(b"origin", b"").decode("latin-1")
    origin = headers.get(b"x-tuvi-origin", b"live").decode("latin-1").strip().lower()
    if origin == "live":
        return Credentials(token, page=page)
    if origin != "import":
        raise Problem(400, "Unknown origin", "X-Tuvi-Origin: give live or import.")
    if kind != BATCH:
        raise Problem(400, "No batch", "X-Tuvi-Origin: import is taken at /v1/batch only.")
    if how != "bearer":
        raise Problem(401, "Key missing", "An import needs `Authorization: Bearer <key>`.")
    return Credentials(token or "-", ("write",), "import", page)


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _method(scope: Scope) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"
