"""How the shop posts to ingest: as a good client does, trying again what was not taken."""

import asyncio
import base64
from collections.abc import Iterable
from itertools import islice
from typing import Any

import aiohttp

from deploy.local.shop.calls import Call
from deploy.local.shop.log import ShopLog

ATTEMPTS = 30
PAUSE = 0.5  # seconds, if the answer does not say how long
BATCH = 300  # events; far below the 500 kB of a batch
NO_ANSWER = 0


class Door:
    """`events_key` posts what happens; `admin_key` may import."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        ingest: str,
        events_key: str,
        admin_key: str,
        log: ShopLog,
    ) -> None:
        self._session, self._ingest, self._log = session, ingest, log
        basic = base64.b64encode(f"{events_key}:".encode()).decode()
        self._live = {"Authorization": f"Basic {basic}"}
        self._import = {"Authorization": f"Bearer {admin_key}", "X-Tuvi-Origin": "import"}

    async def post(self, call: Call) -> None:
        """One live event."""
        status, answer = await self._post(call.path, call.body, self._live)
        self._log.posted(call, "live", status, "" if _taken(status) else _first_error(answer))

    async def bring(self, people: Iterable[list[Call]], at_once: int = 4) -> None:
        """Import: a person's calls stay together and in order, batches go in parallel."""
        batches = iter(_batches(people))

        async def work() -> None:
            for batch in batches:
                await self._import_batch(batch)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())

    async def _import_batch(self, batch: list[Call]) -> None:
        body = {"batch": [call.body for call in batch]}
        status, answer = await self._post("/v1/batch", body, self._import)
        refused = {error.get("index"): error for error in answer.get("errors", ())}
        for index, call in enumerate(batch):
            error = refused.get(index)
            # The good events of a batch are taken although its answer is 400.
            partly = error is None and bool(refused)
            self._log.posted(call, "import", 200 if partly else status, str(error or ""))

    async def _post(
        self, path: str, body: dict[str, Any], headers: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        """The last answer: of 503 and of no answer we try again, as the messageId allows."""
        status = NO_ANSWER
        answer: dict[str, Any] = {}
        for _ in range(ATTEMPTS):
            pause = PAUSE
            try:
                async with self._session.post(
                    self._ingest + path, json=body, headers=headers
                ) as response:
                    status = response.status
                    answer = await response.json(content_type=None) or {}
                    pause = float(response.headers.get("Retry-After", PAUSE))
            except (aiohttp.ClientError, TimeoutError, OSError):
                status, answer = NO_ANSWER, {}
            if status not in (NO_ANSWER, 429, 500, 502, 503, 504):
                break
            await asyncio.sleep(pause)
        return status, answer


def _batches(people: Iterable[list[Call]]) -> Iterable[list[Call]]:
    batch: list[Call] = []
    for calls in people:
        if batch and len(batch) + len(calls) > BATCH:
            yield batch
            batch = []
        batch = batch + list(islice(calls, BATCH))
    if batch:
        yield batch


def _taken(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004


def _first_error(answer: dict[str, Any]) -> str:
    return str(next(iter(answer.get("errors", ())), answer))[:300]
