"""From the POST of an event to SES's acceptance of its mail, with all services at a steady load.

Calls leave at their times whatever became of the ones before; a late call counts as late.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import datetime
from statistics import quantiles
from typing import Any

import aiohttp

from deploy.local.platform import Platform
from shared.contracts.codec import encode
from tests.benchmarks import workload
from tests.benchmarks.figures import Reading
from tests.benchmarks.limits import Raw
from tests.benchmarks.measures import Pair
from tests.benchmarks.place import Ground, taken

RATE = 10.0  # mails a second; well below what two cores carry, or it would measure a queue
SECONDS = 18.0  # a round
HOPS = 4  # store-events, identified-events, contact-events, send-commands; a commit behind each
CHAINS = 100
SETTLES = 30.0
STAGES = ("identity", "profile", "orchestrator", "ledger")


@contextlib.asynccontextmanager
async def latency(platform: Platform, ground: Ground, raw: Raw) -> AsyncIterator[Pair]:
    """p50 and p99, milliseconds."""
    count, number = ground.count(int(RATE * SECONDS)), 0
    headers = {"Authorization": f"Bearer {platform.keys['write_events']}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        shop = _Shop(platform, http)

        async def measured() -> list[Reading]:
            nonlocal number
            people = [f"l{number}x{n}" for n in range(count)]
            number += 1
            await shop.introduce(people)
            return _quantiles(await shop.mailed(people))

        async def bare() -> list[Reading]:
            chains = range(ground.count(CHAINS))
            return _quantiles([await raw.chain(HOPS) for _ in chains])

        await raw.chain(HOPS)
        warm = [f"warm{n}" for n in range(40)]
        await shop.introduce(warm)
        await shop.mailed(warm)
        yield Pair(measured, bare)


def _quantiles(seconds: list[float]) -> list[Reading]:
    cuts = quantiles(seconds, n=100)
    return [Reading(cuts[49] * 1000), Reading(cuts[98] * 1000)]


class _Shop:
    def __init__(self, platform: Platform, http: aiohttp.ClientSession) -> None:
        self._platform, self._http = platform, http
        self._read = 0

    async def introduce(self, people: list[str]) -> None:
        """Known with address and consent down to the sender, before anything is timed."""
        calls = [workload.identify(f"i-{person}", person) for person in people]
        for start in range(0, len(calls), 100):
            await self._post("/v1/batch", {"batch": calls[start : start + 100]})
        for stage in STAGES:
            await taken(self._platform.kafka, "", stage, [])

    async def mailed(self, people: list[str]) -> list[float]:
        """Seconds from when each call was due to leave to when SES had its mail."""
        await self._accepted()
        began, due = time.time() + 0.1, dict[str, float]()
        posts = []
        for number, person in enumerate(people):
            at = began + number / RATE
            due[workload.address(person)] = at
            await asyncio.sleep(at - time.time())
            call = workload.checkout(f"c-{person}", person)
            posts.append(asyncio.create_task(self._post("/v1/track", call)))
        await asyncio.gather(*posts)
        found: dict[str, float] = {}
        async with asyncio.timeout(SETTLES):
            while len(found) < len(due):
                found.update(mail for mail in await self._accepted() if mail[0] in due)
                await asyncio.sleep(0.1)
        return [found[address] - at for address, at in due.items()]

    async def _accepted(self) -> list[tuple[str, float]]:
        """Who was mailed when, since the last look."""
        url = f"{self._platform.urls['ses']}/admin/messages?after={self._read}&limit=10000"
        async with self._http.get(url) as answer:
            page = await answer.json()
        self._read = page["next"]
        return [
            (item["to"][0], datetime.fromisoformat(item["wall"]).timestamp())
            for item in page["items"]
        ]

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with self._http.post(self._platform.urls["ingest"] + path, data=encode(body)) as a:
            if a.status != 200:
                raise RuntimeError(f"{path} answered {a.status}: {await a.text()}")
