"""The express till: a post of events that came whole and needs nobody asked goes to Kafka
straight from the connection, without a task, a scope or an ASGI message.

It does what `edge` does, by the same functions, and leaves to it whatever is not of every day: a
body that is still coming, a key that must be looked up, a page's request, a packed one, no room.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from services.ingest import metrics
from services.ingest.adapters.write_keys import token_of
from services.ingest.answers import Answer, answer_of, unexpected
from services.ingest.domain.calls import ROUTES, read, understood
from services.ingest.domain.validation import MAX_BATCH_BYTES
from services.ingest.handlers import (
    Credentials,
    Door,
    Judged,
    concluded,
    post,
    sender_of,
    too_many,
)
from services.ingest.intake import OVERHEAD, Intake
from shared.impatient import Impatient
from shared.keys import Key, Scope

PATHS = {path.encode(): (path, kind) for path, kind in ROUTES.items()}
UNUSUAL = frozenset((b"origin", b"content-encoding", b"x-tuvi-origin", b"transfer-encoding"))
EVERY_DAY = Credentials()
Headers = list[tuple[bytes, bytes]]


class RemembersKeys(Protocol):
    """adapters.write_keys.WriteKeys."""

    def remembered(self, token: str, *scopes: Scope) -> Key | None: ...


class Till:
    """Takes what the connections hand over; one of a process."""

    def __init__(self, door: Door, keys: RemembersKeys, intake: Intake) -> None:
        self._door, self._keys, self._intake = door, keys, intake

    def judged(self, kind: str, headers: Headers, data: bytes) -> Judged | None:
        """What can be published; None, and nothing has happened, if `edge` is to see to it."""
        said = dict(headers)
        if len(data) > MAX_BATCH_BYTES or self._intake.room < OVERHEAD + len(data):
            return None
        if not UNUSUAL.isdisjoint(said):
            return None
        try:
            _, token = token_of(said[b"authorization"].decode("latin-1"))
            key = self._keys.remembered(token, *EVERY_DAY.scopes)
            if key is None:
                return None
            body = read(kind, data)
            sender = sender_of(self._door, key, EVERY_DAY, body.sent_at)
            ready, refused = understood(body.events, sender, body.seen)
            if not ready or too_many(self._door.rates, key, len(body.events)):
                return None
        except Exception:  # noqa: BLE001  whatever it is, `edge` meets it too, and says and logs it
            return None
        return Judged(kind, sender, body.events if refused else (), ready, refused)

    def post(self, path: str, judged: Judged, size: int, tell: Callable[[Answer], None]) -> None:
        """Tells what came of them when Kafka has them. Until then they take room, as all do."""
        held, door = OVERHEAD + size, self._door
        self._intake.room -= held

        def ended(done: asyncio.Future[set[int]]) -> None:
            self._intake.room += held
            failed = set(range(len(judged.ready))) if done.cancelled() else done.result()
            tell(answer_of(judged.kind, path, lambda: concluded(door, judged, failed)))

        try:
            ticket = post(door, judged.ready)
        except Exception as error:  # noqa: BLE001  some may be on their way: it is not tried twice
            self._intake.room += held
            tell(unexpected(path, error))
            return
        ticket.done.add_done_callback(ended)


class Waiting:
    """Stands where uvicorn keeps a request that it has not answered yet: all that
    HttpToolsProtocol asks of one whose body is whole.
    """

    message_event = asyncio.Event()  # nobody waits for more of it

    def __init__(self) -> None:
        self.response_complete = self.disconnected = False
        self.keep_alive = True


class Express(Impatient):
    """A connection."""

    def __init__(self, till: Till, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._till = till
        self._held: list[bytes] | None = None  # of a body that may have come whole

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        held, self._held = self._held, None
        if held is not None and not self.transport.is_closing():
            self._hand_over(held)

    def on_message_begin(self) -> None:
        """Without a scope, which costs as much as reading the headers: uvicorn's, when needed."""
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        if self._is_of_every_day():
            self._unwait()
            self._held = []
        else:
            self._begin()

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        held, self._held = self._held, None
        if held is None:
            super().on_message_complete()
        elif not self._take(b"".join(held)):
            self._hand_over(held)
            super().on_message_complete()

    def _is_of_every_day(self) -> bool:
        parser = self.parser
        return (
            self.url in PATHS
            and (self.cycle is None or self.cycle.response_complete)
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not (parser.should_upgrade() or self.expect_100_continue or self.flow.write_paused)
        )

    def _hand_over(self, held: list[bytes]) -> None:
        """To uvicorn, as if it had just come."""
        self._begin()
        for body in held:
            super().on_body(body)

    def _begin(self) -> None:
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(headers)  # the scope's own
        super().on_headers_complete()

    def _take(self, data: bytes) -> bool:
        began, (path, kind) = time.perf_counter(), PATHS[self.url]
        judged = self._till.judged(kind, self.headers, data)
        if judged is None:
            return False
        self.cycle = waiting = Waiting()  # type: ignore[assignment]

        def tell(answer: Answer) -> None:
            self._answer(waiting, answer)
            spent = time.perf_counter() - began
            metrics.duration_of(path, "POST", answer[0]).observe(spent)

        self._till.post(path, judged, len(data), tell)
        return True

    def _answer(self, waiting: Waiting, answer: Answer) -> None:
        waiting.response_complete = True
        if self.transport.is_closing():
            return
        status, headers, body = answer
        named = [*self.server_state.default_headers, *headers]
        if not waiting.keep_alive:
            named.append((b"connection", b"close"))
        head = b"".join([b"%b: %b\r\n" % header for header in named])
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], head, body))
        if not waiting.keep_alive:
            self.transport.close()
        self.on_response_complete()
