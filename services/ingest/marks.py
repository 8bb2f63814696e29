"""Marks SES's feed: "all that the queue held before `until` lies before this", in each partition.

One replica does it, by lease. With it the sender can know that a mail was not sent.
"""

import asyncio
import time
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg
import structlog

from services.ingest import metrics
from services.ingest.adapters import feed_lease
from services.ingest.adapters.sqs import Counts, Queue
from services.ingest.domain.silence import Look, Quiet, empty_until, looked
from services.ingest.handlers import Door
from services.ingest.poller import Poller
from shared.contracts import FeedMark, topics
from shared.contracts.codec import encode
from shared.kafka.producer import Addressed

log = structlog.get_logger()
EVERY = 5.0  # seconds between two looks


class Marker:
    """`run` beside the poller, in every replica; `silence`: seconds."""

    def __init__(
        self, pool: asyncpg.Pool, queue: Queue, door: Door, poller: Poller, silence: float
    ) -> None:
        self._pool, self._queue, self._door, self._poller = pool, queue, door, poller
        self._silence = timedelta(seconds=silence)
        self._holder = uuid4().hex
        self._quiet = Quiet()
        self._marked: datetime | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001  boto3's and PostgreSQL's; no look, no mark
                self._forget()
                log.warning("SES's queue is not seen", error=repr(error))
            await asyncio.sleep(min(EVERY, self._silence.total_seconds() / 4))

    async def once(self) -> None:
        """One look; a mark if it says so, at most two in the time of a silence."""
        held = await feed_lease.hold(self._pool, self._holder)
        if held is None:
            self._forget()
            return
        counts = await self._queue.counts()
        _show(counts)
        look = Look(held.now, sum(counts), self._polled(held.now))
        self._quiet = looked(self._quiet, look)
        until = empty_until(self._quiet, look, self._silence)
        if until is None or (self._marked and until < self._marked + self._silence / 2):
            return
        if not await self._door.publisher.publish(self._marks(held.fence, until)):
            self._marked = until
            metrics.MARKED.set(until.timestamp())

    def _polled(self, now: datetime) -> datetime | None:
        began = self._poller.emptied_at
        return None if began is None else now - timedelta(seconds=time.monotonic() - began)

    def _marks(self, fence: int, until: datetime) -> list[Addressed]:
        addresses, name = self._door.topics, topics.DELIVERY_EVENTS.name
        mark = encode(FeedMark(workspace="", fence=fence, until=until))
        return [
            Addressed(addresses.prefix + name, partition, b"mark", mark, ())
            for partition in range(addresses.partitions)
        ]

    def _forget(self) -> None:
        """Another looks now, or nobody can."""
        self._quiet = Quiet()
        metrics.SQS_MESSAGES.clear()


def _show(counts: Counts) -> None:
    for where, number in counts._asdict().items():
        metrics.SQS_MESSAGES.labels(where).set(number)
