"""One process: uvicorn in front, the core behind, the topic's posts beside."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from deploy.local.ses import admin_routes, amazon_routes, inbox_routes, reader_routes
from deploy.local.ses.endpoint import Endpoint
from deploy.local.ses.send_route import PATH, send_email

log = structlog.get_logger()
# A client's pooled connection must not be closed under a request that is on its way.
KEEP_ALIVE_S = 75


class Protocol(HttpToolsProtocol):
    """uvicorn's, and a way for the faults to end a connection without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["hang_up"] = self.transport.close  # type: ignore[typeddict-unknown-key]


def application(endpoint: Endpoint) -> Callable[[Any, Any, Any], Any]:
    """The ASGI app; the core's tasks live as long as it does."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        endpoint.resume()
        for url in endpoint.settings.subscribe:
            endpoint.topic.subscribe(url)
        posting = asyncio.create_task(endpoint.topic.run())
        posting.add_done_callback(_say_why)
        yield
        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)
        endpoint.close()

    rest = Starlette(
        routes=[
            *amazon_routes.routes(endpoint),
            *admin_routes.routes(endpoint),
            *inbox_routes.routes(endpoint),
            *reader_routes.routes(endpoint),
        ],
        lifespan=lifespan,
    )

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            await send_email(endpoint, scope, receive, send)
        else:
            await rest(scope, receive, send)

    return app


def _say_why(posting: asyncio.Task[None]) -> None:
    """A silent end of the posts would look like an SES that has nothing to tell."""
    if not posting.cancelled() and (error := posting.exception()):
        log.error("notifications have stopped", exc_info=error)


def serve(endpoint: Endpoint) -> None:
    """Until SIGTERM or SIGINT; prints `{"url": …}` on a line once it listens."""
    settings = endpoint.settings
    listener = socket.create_server((settings.host, settings.port), backlog=2048)
    url = f"http://{settings.host}:{listener.getsockname()[1]}"
    endpoint.topic.base_url = settings.public_url or url
    config = uvicorn.Config(
        application(endpoint),
        http=Protocol,
        loop="uvloop",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=2,
    )
    _Announced(config, url).run([listener])


class _Announced(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(msgspec.json.encode({"url": self._url}).decode(), flush=True)
