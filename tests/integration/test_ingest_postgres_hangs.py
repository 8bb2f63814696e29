"""PostgreSQL takes connections and says nothing: events are taken all the same, and quickly."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import pytest_asyncio

from services.ingest.adapters import sources, write_keys
from services.ingest.adapters.write_keys import ASK_SECONDS
from shared import auth
from tests.integration.ingest_place import Place, place
from tests.integration.shop_place import SECRET, deliver, make, sample

PROMPT = 0.5  # seconds: far below one question's time-out, far above an answer from memory


class Line:
    """Between a client and PostgreSQL; `cut` and it goes on accepting and says nothing."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._flowing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.mend()

    def cut(self) -> None:
        self._flowing.clear()

    def mend(self) -> None:
        self._flowing.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """Its port."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for writer in self._writers:
                writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection(*self._to)
        self._writers |= {writer, out}
        for source, target in ((reader, out), (there, writer)):
            task = asyncio.create_task(self._carry(source, target))
            self._tasks.add(task)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            await self._flowing.wait()
            target.write(data)
            await target.drain()
        target.close()


@pytest_asyncio.fixture(loop_scope="session")
async def parts(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[tuple[Place, Line]]:
    """Ingest, and its line to PostgreSQL."""
    where = urlsplit(database)
    line = Line(where.hostname or "", where.port or 0)
    async with line.open() as port:
        through = urlunsplit(where._replace(netloc=f"postgres@127.0.0.1:{port}"))
        async with place(through, kafka, topic_prefix) as ingest:
            async with asyncio.timeout(30):  # topics that were made a moment ago answer 503
                while (await view(ingest))[0] != 200:
                    pass
            yield ingest, line
            line.mend()


@pytest.fixture(autouse=True)
def _no_answer_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that each call asks the database, as one a second does otherwise."""
    monkeypatch.setattr(write_keys, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(auth, "FRESH_SECONDS", 0.0)


async def view(ingest: Place, key: str = "") -> tuple[int, float, Any]:
    """Status, seconds, answer."""
    began = time.monotonic()
    headers = {"authorization": f"Bearer {key or ingest.key}"}
    status, answer = await ingest.post("/v1/page", {"userId": "u"}, headers=headers)
    return status, time.monotonic() - began, answer


async def test_a_hanging_database_costs_the_callers_of_one_moment_one_time_out(
    parts: tuple[Place, Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest, line = parts
    monkeypatch.setattr(write_keys, "QUIET_SECONDS", 60.0)
    line.cut()

    first = await asyncio.gather(*(view(ingest) for _ in range(6)))
    later = [await view(ingest) for _ in range(20)]

    assert {status for status, *_ in first + later} == {200}
    assert max(seconds for _, seconds, _ in first) < ASK_SECONDS + PROMPT
    assert max(seconds for _, seconds, _ in later) < PROMPT

    status, seconds, answer = await view(ingest, "tuvi_wk_that_nobody_has_asked_about")
    assert (status, answer["title"]) == (503, "Keys cannot be read")
    assert seconds < PROMPT


async def test_one_caller_tries_again_and_the_others_do_not_wait_for_it(
    parts: tuple[Place, Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest, line = parts
    monkeypatch.setattr(write_keys, "QUIET_SECONDS", 0.0)
    line.cut()
    await view(ingest)

    answers = await asyncio.gather(*(view(ingest) for _ in range(6)))

    assert {status for status, *_ in answers} == {200}
    assert sum(seconds > PROMPT for _, seconds, _ in answers) == 1


async def test_a_key_is_not_taken_for_ever_unasked_and_all_is_well_when_it_answers_again(
    parts: tuple[Place, Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest, line = parts
    monkeypatch.setattr(write_keys, "QUIET_SECONDS", 0.5)
    line.cut()
    assert (await view(ingest))[0] == 200
    with monkeypatch.context() as patched:
        patched.setattr(write_keys, "STALE_SECONDS", 0.0)
        assert (await view(ingest))[0] == 503

    line.mend()
    async with asyncio.timeout(10):
        while (await view(ingest, "tuvi_wk_that_nobody_has_asked_about"))[0] != 401:
            await asyncio.sleep(0.05)
    assert (await view(ingest))[0] == 200


async def test_a_shops_webhooks_are_taken_at_once_from_memory(
    parts: tuple[Place, Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest, line = parts
    monkeypatch.setattr(sources, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(sources, "ASK_SECONDS", 0.2)
    await make(ingest, "main", shop="shopify", secret=SECRET)
    body = sample("orders-create")
    line.cut()

    began, answers = time.monotonic(), []
    while time.monotonic() - began < 1:
        answers.append(await deliver(ingest, "orders/create", body))

    assert {status for status, _ in answers} == {200}
    assert len(answers) > 1 / PROMPT
