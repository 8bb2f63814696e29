"""What thin webhooks speak of is fetched and told, by a worker beside the service.

Told, then deleted: a process that dies between tells it again, and the messageIds make that
harmless. What cannot be fetched for a day is kept as a raw event with the reason.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple

import structlog

from services.ingest import metrics
from services.ingest.adapters.bigcommerce import (
    BigCommerce,
    Impossible,
    Missing,
    Unwilling,
)
from services.ingest.adapters.fetches import Fetch, Fetches
from services.ingest.domain.shops.bigcommerce_wants import (
    Thin,
    Unfit,
    thin,
    topic_when_gone,
)
from services.ingest.domain.shops.outcome import Told, kept, told
from services.ingest.domain.shops.source import Source
from services.ingest.domain.shops.table import Delivery
from services.ingest.faults import fault
from services.ingest.handlers import Door
from services.ingest.webhooks import object_of, publish
from shared.contracts.codec import encode
from shared.contracts.wire import Plain
from shared.db.pool import AWAY
from shared.errors import Problem

log = structlog.get_logger()
AT_ONCE = 4
LOOK = 1.0  # seconds between looks for what is due
COUNT = 5.0
GIVE_UP = timedelta(days=1)
FIRST, LONGEST = 2.0, 1800.0  # seconds until the next try, doubled with each


class Made(NamedTuple):
    """A delivery and what it means."""

    delivery: Delivery
    outcome: Told


class Fetcher:
    """`run` beside the service, in every replica."""

    def __init__(
        self,
        door: Door,
        fetches: Fetches,
        api: BigCommerce,
        find: Callable[[str], Source | None],
    ) -> None:
        self._door, self._fetches, self._api, self._find = door, fetches, api, find
        self._under_way: Counter[str] = Counter()
        self._looking = asyncio.Lock()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._count())
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            try:
                async with self._looking:  # while nothing is due, one looks for all
                    fetch = await self._claimed()
                    if fetch is None:
                        await self._wait()
                        continue
                await self._carry_out(fetch)
            except AWAY as error:
                log.warning("fetches cannot be read", error=type(error).__name__)
                await asyncio.sleep(LOOK)

    async def _wait(self) -> None:
        self._fetches.woken.clear()
        try:
            async with asyncio.timeout(LOOK * random.uniform(0.5, 1)):
                await self._fetches.woken.wait()
        except TimeoutError:
            return

    async def _count(self) -> None:
        while True:
            try:
                await self._fetches.count()
                metrics.FETCHES_WAITING.set(self._fetches.waiting)
                metrics.FETCHES_OLDEST.set(self._fetches.oldest)
            except AWAY as error:
                log.warning("fetches cannot be counted", error=type(error).__name__)
            await asyncio.sleep(COUNT)

    async def one(self) -> bool:
        """Takes what is due longest; False: nothing is."""
        fetch = await self._claimed()
        if fetch is None:
            return False
        await self._carry_out(fetch)
        return True

    async def _claimed(self) -> Fetch | None:
        busy = {source for source, count in self._under_way.items() if count >= AT_ONCE - 1}
        return await self._fetches.claim(self._api.resting() | busy)  # one is left to others

    async def _carry_out(self, fetch: Fetch) -> None:
        self._under_way[fetch.source] += 1
        try:
            await self._take(fetch)
        finally:
            self._under_way -= Counter([fetch.source])

    async def _take(self, fetch: Fetch) -> None:
        try:
            made = await self._made(fetch)
            await publish(self._door, made.delivery, made.outcome)
        except Problem as problem:  # Kafka is away
            await self._later(fetch, FIRST, problem.title, "unavailable")
        except Unwilling as unwilling:
            await self._not_now(fetch, unwilling)
        except Exception as error:  # noqa: BLE001  a fault of ours stops no other fetch
            log.warning("fetch failed", source=fetch.source, scope=fetch.scope, **fault(error))
            await self._not_now(fetch, Unwilling(f"a fault of ours: {type(error).__name__}"))
        else:
            await self._fetches.done(fetch)

    async def _made(self, fetch: Fetch) -> Made:
        """Raises Unwilling."""
        source = self._source(fetch)
        if source is None:  # gone, or another replica has just made it
            raise Unwilling("the source is not known")
        said = thin(object_of(fetch.body) or {})
        try:
            document = await self._api.subject(source, said)
        except (Unfit, Impossible) as error:
            return self._raw(fetch, source, str(error))
        except Missing:
            return self._gone(fetch, source, said)
        metrics.FETCHES.labels("told").inc()
        delivery = self._delivery(fetch, source, said.scope, document)
        return Made(delivery, told(delivery, source.workspace, fetch.body))

    def _source(self, fetch: Fetch) -> Source | None:
        """Raises Unwilling for one that cannot be opened."""
        try:
            return self._find(fetch.source)
        except Problem as closed:
            raise Unwilling(closed.title) from closed

    def _gone(self, fetch: Fetch, source: Source, said: Thin) -> Made:
        topic = topic_when_gone(said.scope)
        if topic is None:
            return self._raw(fetch, source, "data: what it names is not there any more")
        metrics.FETCHES.labels("gone").inc()
        delivery = self._delivery(fetch, source, topic, {"data": said.data})
        return Made(delivery, told(delivery, source.workspace, fetch.body))

    def _raw(self, fetch: Fetch, source: Source, reason: str) -> Made:
        metrics.FETCHES.labels("raw").inc()
        delivery = self._delivery(fetch, source, fetch.scope, {})
        return Made(delivery, kept(delivery, source.workspace, fetch.body, reason))

    def _delivery(self, fetch: Fetch, source: Source, topic: str, document: Plain) -> Delivery:
        """Named by what was found: the same thing found again changes nothing, a newer state does,
        though BigCommerce gives both webhooks one hash.
        """
        name = sha256(fetch.id.encode() + b"\0" + encode(document)).hexdigest()[:32]
        return Delivery(
            source.shop,
            source.name,
            topic,
            name,
            document,
            self._door.now(),  # what was fetched may be hours newer than the webhook
            source.settings,
        )

    async def _not_now(self, fetch: Fetch, unwilling: Unwilling) -> None:
        if fetch.age > GIVE_UP:
            await self._give_up(fetch, unwilling.reason)
            return
        grown: float = min(FIRST * 2.0 ** min(fetch.attempts - 1, 20), LONGEST)
        after = grown if unwilling.after is None else max(unwilling.after, 0.1)
        await self._later(fetch, after * random.uniform(1, 1.25), unwilling.reason, "later")

    async def _give_up(self, fetch: Fetch, reason: str) -> None:
        try:
            source = self._source(fetch)
        except Unwilling as closed:
            await self._later(fetch, LONGEST, closed.reason, "later")
            return
        if source is not None:  # else nobody can say any more whose it was
            made = self._raw(fetch, source, f"fetch: {reason}")
            try:
                await publish(self._door, made.delivery, made.outcome)
            except Problem as problem:
                await self._later(fetch, FIRST, problem.title, "unavailable")
                return
        await self._fetches.done(fetch)

    async def _later(self, fetch: Fetch, after: float, reason: str, outcome: str) -> None:
        metrics.FETCHES.labels(outcome).inc()
        log.warning("fetched later", source=fetch.source, scope=fetch.scope, reason=reason)
        await self._fetches.later(fetch, after, reason)
