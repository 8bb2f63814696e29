"""Ingest's whole app in memory, without Kafka and PostgreSQL: for properties over any bytes."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import aiohttp

from services.ingest.adapters.sns import Sns
from services.ingest.adapters.tickets import Ticket
from services.ingest.api import add_routes
from services.ingest.choosing import Desk
from services.ingest.domain import preferences
from services.ingest.domain.calls import Ready, Remark, Sender
from services.ingest.domain.sns import Trust
from services.ingest.edge import Edge
from services.ingest.handlers import Door, Topics
from services.ingest.routes import links, notifications
from shared.contracts import topics
from shared.contracts.profile import Preferences
from shared.kafka.producer import Addressed
from shared.keys import Key, Scope
from shared.service import Health, make_app
from tests.unit.ingest.calls import NOW

TOKEN_KEYS = ["a-key-of-the-tests"]
NAMES = ("cart-reminders", "newsletter")
TOPICS = preferences.Topics(NAMES, frozenset(NAMES))


class Chosen:
    """Takes segmenter's place."""

    async def of(self, token: str) -> Preferences | None:
        return Preferences(locale="en", topics={"newsletter": "subscribed"})


DESK = Desk(TOKEN_KEYS, Chosen(), lambda _: TOPICS)


class Kept:
    """Takes the publisher's place: keeps what would be published."""

    def __init__(self) -> None:
        self.messages: list[Addressed] = []

    async def publish(self, messages: Sequence[Addressed]) -> set[int]:
        self.messages.extend(messages)
        return set()

    def post(self, topic: str, partitions: int, events: Sequence[Ready]) -> Ticket:
        addresses = Topics(partitions)
        self.messages += [
            addresses.address(topics.STORE_EVENTS, event.key, event.value) for event in events
        ]
        ticket = Ticket(len(events), 0, 1.0)
        ticket.done.set_result(set())
        return ticket


class Untold:
    """Keeps refusals out of what is kept."""

    def tell(self, *_: Any, **__: Any) -> None:
        """Nobody looks."""


class Told:
    """Keeps what the live view would show."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.a_second: int | None = None

    def tell(
        self,
        sender: Sender,
        route: str,
        remarks: Sequence[Remark],
        _: Sequence[bytes] = (),
        *,
        a_second: int | None = None,
    ) -> None:
        self.a_second = a_second
        self.messages += [f"{sender.via} {route} {remark.message}" for remark in remarks]


class AnyKey:
    """Every key is one of the default workspace's."""

    async def key(self, token: str, *scopes: Scope) -> Key:
        return Key("default", scopes[0], "tuvi_wk_aaaaaa")

    async def origins(self) -> frozenset[str]:
        return frozenset()


class Answer:
    """An ASGI answer, collected."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.body += message.get("body", b"")


def edge(kept: Kept) -> Edge:
    door = Door(kept, AnyKey(), Topics(4), lambda: NOW, Untold())
    app = make_app("ingest", Health())
    sns = Sns(cast("aiohttp.ClientSession", None), Trust([]))  # nothing is trusted, so fetched
    add_routes(app, (notifications.router(door, sns), links.router(door, DESK)))
    return Edge(door, app)


def post(app: Edge, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    """One request, answered."""
    return asked(app, "POST", path, headers, body)


def asked(
    app: Edge, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> Answer:
    """The same with another method."""
    answer = Answer()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(n.encode(), v.encode("latin-1")) for n, v in (headers or {}).items()],
    }
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    asyncio.run(app(scope, receive, answer.send))
    return answer
