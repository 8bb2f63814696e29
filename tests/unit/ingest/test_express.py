"""Whoever posts events hears the same, however his bytes come and whichever counter takes them."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState

from services.ingest.adapters.tickets import Ticket
from services.ingest.domain.calls import Ready
from services.ingest.domain.rates import Rates
from services.ingest.edge import Edge
from services.ingest.express import Express, Till
from services.ingest.handlers import Door, Topics
from services.ingest.intake import Intake
from shared.impatient import Impatient
from shared.keys import Key, Scope
from shared.service import configured
from tests.unit.ingest.anything import BODIES, as_bytes
from tests.unit.ingest.calls import NOW, track
from tests.unit.ingest.doors import AnyKey, Kept, Untold

ROOM = 1_000_000
GOOD = as_bytes(track())
BATCH = as_bytes({"batch": [track(messageId="1"), track(messageId="2")]})
BAD = as_bytes(track(userId=None))


class Known(AnyKey):
    """A key that was asked about a moment ago."""

    def remembered(self, token: str, *scopes: Scope) -> Key | None:
        return Key("default", "write_events", "tuvi_wk_aaaaaa") if token == "k" else None


class Held(Kept):
    """Kafka acknowledges when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: list[Ticket] = []

    def post(self, topic: str, partitions: int, events: Sequence[Ready]) -> Ticket:
        super().post(topic, partitions, events)
        self.tickets.append(Ticket(len(events), 0, 1.0))
        return self.tickets[-1]


class Wire(asyncio.Transport):
    """What the other side gets."""

    def __init__(self) -> None:
        super().__init__()
        self.sent, self.closed = b"", False

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Line:
    """One connection of a caller."""

    def __init__(
        self, kept: Kept, room: int = ROOM, *, express: bool = True, per_second: int = 0
    ) -> None:
        door = Door(kept, Known(), Topics(4), lambda: NOW, Untold(), Rates(per_second))
        self.intake = intake = Intake(Edge(door, _nothing_behind), room, 10.0)
        speaks: Callable[..., Any] = (
            partial(Express, Till(door, Known(), intake)) if express else Impatient
        )
        config = configured(intake, "127.0.0.1", 0, speaks)
        config.load()
        self.wire = Wire()
        self.state = ServerState()
        self.side = speaks(config=config, server_state=self.state, app_state={})
        self.side.connection_made(self.wire)

    async def says(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.side.data_received(piece)
            await self.settled()

    async def settled(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def statuses(self) -> list[int]:
        return [int(part[:3]) for part in self.wire.sent.split(b"HTTP/1.1 ")[1:]]


async def _nothing_behind(*_: Any) -> None:
    raise AssertionError


def _post(body: bytes, path: str = "/v1/track", more: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _run(way: Coroutine[Any, Any, None]) -> None:
    uvloop.run(way)


def test_an_ordinary_post_takes_no_task() -> None:
    async def way() -> None:
        held = Held()
        line = Line(held)
        await line.says(_post(GOOD))
        assert len(held.tickets) == 1
        assert line.state.tasks == set()
        assert line.wire.sent == b""  # nobody hears a yes before Kafka has it
        held.tickets[0].done.set_result(set())
        await line.settled()
        assert line.wire.sent.endswith(b'{"success":true}')

    _run(way())


@settings(max_examples=60, deadline=None)
@given(
    bodies=st.lists(st.sampled_from([GOOD, BAD, b"{", b"\xff"]), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 900), max_size=6),
)
def test_however_the_bytes_are_cut_the_answers_are_the_same_in_order(
    bodies: list[bytes], cuts: list[int]
) -> None:
    said = b"".join(map(_post, bodies))
    places = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    pieces = [said[a:b] for a, b in pairwise(places) if a < b]

    async def way() -> None:
        kept = Kept()
        line = Line(kept)
        await line.says(*pieces)
        assert line.statuses == [200 if body == GOOD else 400 for body in bodies]
        assert len(kept.messages) == bodies.count(GOOD)

    _run(way())


@settings(max_examples=100, deadline=None)
@given(body=BODIES, path=st.sampled_from(["/v1/batch", "/v1/track", "/v1/i"]))
def test_both_counters_say_the_same(body: bytes, path: str) -> None:
    async def way() -> None:
        kept, other = Kept(), Kept()
        quick, slow = Line(kept), Line(other, express=False)
        for line in (quick, slow):
            await line.says(_post(body, path))
        quick_id, slow_id = (line.wire.sent.replace(b" ", b"") for line in (quick, slow))
        assert quick_id == slow_id
        assert len(kept.messages) == len(other.messages)

    _run(way())


@pytest.mark.parametrize(
    "said",
    [
        _post(GOOD, more="Origin: https://shop.example\r\n"),
        _post(GOOD, more="X-Tuvi-Origin: live\r\n"),
        _post(GOOD, more="Content-Encoding: identity\r\n"),
        _post(GOOD, more="Connection: close\r\n"),
        _post(GOOD).replace(b"Bearer k", b"Bearer other"),
        _post(GOOD).replace(b"HTTP/1.1", b"HTTP/1.0"),
        _post(GOOD).replace(b"Bearer k", b"Basic \xe9\xe9"),
    ],
)
def test_what_is_not_of_every_day_goes_the_long_way(said: bytes) -> None:
    async def way() -> None:
        held = Held()
        line = Line(held)
        line.side.data_received(said)
        assert held.tickets == []
        assert len(line.state.tasks) == 1
        await line.settled()
        for ticket in held.tickets:
            ticket.done.set_result(set())
        await line.settled()
        assert line.statuses in ([200], [401], [403])

    _run(way())


def test_a_second_request_waits_for_the_answer_to_the_first() -> None:
    async def way() -> None:
        held = Held()
        line = Line(held)
        await line.says(_post(GOOD) + _post(BATCH, "/v1/batch"))
        assert line.wire.sent == b""
        held.tickets[0].done.set_result({0})
        await line.settled()
        assert line.statuses == [503]
        held.tickets[1].done.set_result(set())
        await line.settled()
        assert line.statuses == [503, 200]
        assert line.wire.sent.endswith(b'"accepted":2}')

    _run(way())


def test_who_hangs_up_before_the_answer_harms_nobody() -> None:
    async def way() -> None:
        held = Held()
        line = Line(held)
        await line.says(_post(GOOD))
        line.wire.close()
        line.side.connection_lost(None)
        held.tickets[0].done.set_result(set())
        await line.settled()
        assert line.wire.sent == b""

    _run(way())


def test_a_server_that_stops_answers_what_it_has_taken_and_then_hangs_up() -> None:
    async def way() -> None:
        held = Held()
        line = Line(held)
        await line.says(_post(GOOD))
        line.side.shutdown()
        assert not line.wire.closed
        held.tickets[0].done.set_result(set())
        await line.settled()
        assert line.statuses == [200]
        assert b"connection: close" in line.wire.sent
        assert line.wire.closed

    _run(way())


def test_what_waits_for_kafka_takes_room_until_it_is_answered() -> None:
    async def way() -> None:
        held = Held()
        line = Line(held)
        await line.says(_post(GOOD))
        assert line.intake.room < ROOM - len(GOOD)
        held.tickets[0].done.set_result(set())
        await line.settled()
        assert line.intake.room == ROOM

    _run(way())


def test_a_queue_that_is_full_is_said_at_once_and_counted_once() -> None:
    class Full(Kept):
        def post(self, topic: str, partitions: int, events: Sequence[Ready]) -> Ticket:
            ticket = Ticket(len(events), 0, 1.0)
            ticket.done.set_result(set(range(len(events))))
            return ticket

    async def way() -> None:
        line = Line(Full())
        await line.says(_post(GOOD))
        assert line.statuses == [503]
        assert line.intake.room == ROOM

    _run(way())


def test_a_fault_of_ours_is_a_500_and_who_was_given_up_hears_it() -> None:
    class Broken(Kept):
        def post(self, topic: str, partitions: int, events: Sequence[Ready]) -> Ticket:
            raise LookupError

    async def way() -> None:
        line, held = Line(Broken()), Held()
        await line.says(_post(GOOD))
        assert line.statuses == [500]
        assert line.intake.room == ROOM
        given_up = Line(held)
        await given_up.says(_post(GOOD))
        held.tickets[0].done.cancel()
        await given_up.settled()
        assert given_up.statuses == [503]

    _run(way())


@pytest.mark.parametrize("body", [GOOD, BAD])
def test_each_event_is_counted_once_whichever_way_it_goes(body: bytes) -> None:
    async def way() -> None:
        line = Line(Kept(), per_second=2)
        await line.says(*[_post(body)] * 5)
        assert line.statuses == [200 if body == GOOD else 400] * 4 + [429]

    _run(way())


def test_without_room_it_is_answered_early() -> None:
    async def way() -> None:
        kept = Kept()
        line = Line(kept, room=10)
        await line.says(_post(GOOD))
        assert line.statuses == [503]
        assert kept.messages == []

    _run(way())
