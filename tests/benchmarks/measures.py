"""The measures: each gives what is measured and its raw limit, to be asked for in turns."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import aiohttp

from deploy.local.platform import STARTER
from tests.benchmarks import workload
from tests.benchmarks.figures import Reading
from tests.benchmarks.limits import Raw
from tests.benchmarks.place import Ground, Place, place
from tuvi.publishing import publish_folder

SHOP = Path(__file__).with_name("shop")
EVENTS = 16_000  # a round of a stage
MAILS = 1_500  # a round of the sender
MAILS_WITHIN = 45  # seconds
LOOK = 0.02
ROWS = 40_000  # a round of bare upserts

UPSERT = "bare upsert by unnest, rows"
POST = "bare signed POST by aiohttp"

Ask = Callable[[], Awaitable[list[Reading]]]


class Pair(NamedTuple):
    """Asked in turns. Both give a reading for each row of the measure."""

    measured: Ask
    raw: Ask


def once(ask: Callable[[], Awaitable[Reading]]) -> Ask:
    async def asked() -> list[Reading]:
        return [await ask()]

    return asked


def _bare_rows(ground: Ground, raw: Raw) -> Ask:
    return once(lambda: raw.upsert(ground.count(ROWS)))


@contextlib.asynccontextmanager
async def identity(ground: Ground, raw: Raw) -> AsyncIterator[Pair]:
    """store-events to identified-events, alone in its process."""
    async with place(ground, "identity") as here:
        here.start("segmenter", "tests.benchmarks.alone", "identity")
        yield await _stage(here, raw, workload.store_events, "identity")


@contextlib.asynccontextmanager
async def profile(ground: Ground, raw: Raw) -> AsyncIterator[Pair]:
    """identified-events to contact-events; the segmenter as it is served, identity has no work."""
    async with place(ground, "profile") as here:
        ready(here, "segmenter")
        publish_folder(here.client, "segments", STARTER / "segments")
        yield await _stage(here, raw, workload.identified_events, "profile")


@contextlib.asynccontextmanager
async def segmenter(ground: Ground, raw: Raw) -> AsyncIterator[Pair]:
    """store-events to contact-events: both stages in one process, as it is served."""
    async with place(ground, "segmenter") as here:
        ready(here, "segmenter")
        publish_folder(here.client, "segments", STARTER / "segments")
        yield await _stage(here, raw, workload.store_events, "identity", "profile")


@contextlib.asynccontextmanager
async def orchestrator(ground: Ground, raw: Raw) -> AsyncIterator[Pair]:
    """contact-events to send-commands and journey-events."""
    async with place(ground, "orchestrator") as here:
        ready(here, "orchestrator")
        publish_folder(here.client, "journeys", STARTER / "journeys")
        publish_folder(here.client, "journeys", SHOP / "journeys")
        yield await _stage(here, raw, workload.contact_events, "orchestrator")


async def _stage(here: Place, raw: Raw, make: Any, *stages: str) -> Pair:
    count, first = here.ground.count(EVENTS), 0
    warm = here.addressed(make(0, 2 * workload.PEOPLE))  # everybody is known
    await here.through(warm, *stages)

    async def measured() -> Reading:
        nonlocal first
        first = max(first, 2 * workload.PEOPLE)
        messages = here.addressed(make(first, count))
        first += count
        return await here.through(messages, *stages)

    return Pair(once(measured), _bare_rows(here.ground, raw))


@contextlib.asynccontextmanager
async def sender(ground: Ground, raw: Raw) -> AsyncIterator[Pair]:
    """send-commands to SES's 200, rendered, signed, at full rate."""
    count, first = ground.count(MAILS), 0
    async with place(ground, "sender") as here, aiohttp.ClientSession() as http:
        ready(here, "sender")
        publish_folder(here.client, "templates", STARTER / "templates")
        await here.feed(here.addressed(workload.contacts()))
        await here.taken("ledger")

        async def accepted() -> int:
            async with http.get(f"{ground.ses}/admin/stats") as answer:
                return int((await answer.json())["accepted"])

        async def measured(count: int = count) -> Reading:
            nonlocal first
            messages = here.addressed(workload.sends(first, count))
            first += count
            aim = await accepted() + count
            before = ground.cpu(here.pids)
            began = time.perf_counter()
            await here.feed(messages)
            try:
                async with asyncio.timeout(MAILS_WITHIN):
                    while await accepted() < aim:
                        here.children["sender"].check()
                        await asyncio.sleep(LOOK)
            except TimeoutError:
                raise RuntimeError(f"after {MAILS_WITHIN} s: {await here.statuses()}") from None
            rate = count / (time.perf_counter() - began)
            after = ground.cpu(here.pids)
            return Reading(rate, count, after[0] - before[0], after[1] - before[1])

        await measured(100)
        yield Pair(once(measured), once(lambda: raw.post(count)))


def ready(here: Place, service: str, *module: str) -> None:
    """Started and ready; `module` in the service's place, with its arguments."""
    child = here.start(service, *module)

    def answers() -> bool:
        url = f"{here.urls[service]}/readyz"
        with contextlib.suppress(OSError), urlopen(url, timeout=2) as answer:  # noqa: S310  our own
            return bool(answer.status == 200)
        return False

    child.wait_until(answers, 100)
