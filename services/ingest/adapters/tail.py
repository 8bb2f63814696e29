"""The ends of `store-events` and `refused-events`, read for one question and let go again.

Nothing is kept between two questions. What one may read is bounded in records, bytes and time,
and few are answered at once: this is for people who look, beside the door that must stay open.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.ingest.adapters.spans import SECONDS, Budget, Span, records
from services.ingest.domain.live import Seen, Wanted, seen
from shared.contracts import CODECS, Undecodable, UnknownType, topics
from shared.contracts.topics import Topic
from shared.errors import Problem

log = structlog.get_logger()
AT_ONCE = 3  # questions
FETCH_BYTES = 256 * 1024  # of one partition
MOST_BEHIND = 5_000  # messages of a partition that a follower may be behind, then it skips some

_CURSOR = re.compile(r"a(\d{1,18}(?:\.\d{1,18})*)r(\d{1,18}(?:\.\d{1,18})*)")
_TOPICS: dict[str, Topic] = {"accepted": topics.STORE_EVENTS, "refused": topics.REFUSED_EVENTS}
Positions = dict[TopicPartition, int]


class Page(NamedTuple):
    """Newest first. `next`: the cursor that follows. `complete`: all that there is was looked at.

    `more`: there is more after the cursor already. `skipped`: messages, of any workspace, that a
    follower was too far behind to be shown.
    """

    items: list[Seen]
    next: str
    complete: bool = True
    more: bool = False
    skipped: int = 0


@dataclass(slots=True)
class Tail:
    """`last` looks back from the end, `following` goes on from a cursor."""

    kafka: str
    partitions: int
    prefix: str = ""
    _reading: int = field(default=0, init=False)

    async def last(self, wanted: Wanted, limit: int) -> Page:
        """The newest `limit`. Raises Problem 429, 503."""
        async with self._consumer() as (consumer, budget):
            everything = self._partitions(None)
            begins = await consumer.beginning_offsets(everything)
            ends = await consumer.end_offsets(everything)
            asked = self._partitions(wanted.outcome)
            found: dict[TopicPartition, list[Seen]] = {p: [] for p in asked}
            reached = {p: ends[p] for p in asked}
            size = max(limit, 50)
            while spans := _before(reached, begins, found, limit, size):
                older: dict[TopicPartition, list[Seen]] = {p: [] for p in spans}
                async for partition, record in records(consumer, spans, budget):
                    older[partition] += _shown(record, wanted)
                for partition, items in older.items():
                    found[partition] = items + found[partition]
                if budget.over:
                    break
                reached |= {p: first for p, (first, _) in spans.items()}
                size *= 4
            items = [item for one in found.values() for item in one[-limit:]]
            complete = not _before(reached, begins, found, limit, size)
            return Page(_newest(items)[:limit], self._cursor(ends), complete=complete)

    async def following(self, cursor: str, wanted: Wanted, limit: int) -> Page:
        """What came after the cursor. Raises Problem 422, 429, 503."""
        positions = self._positions(cursor)
        async with self._consumer() as (consumer, budget):
            begins = await consumer.beginning_offsets(list(positions))
            ends = await consumer.end_offsets(list(positions))
            skipped = 0
            for p, at in positions.items():
                positions[p] = min(max(at, begins[p], ends[p] - MOST_BEHIND), ends[p])
                skipped += max(positions[p] - at, 0)
            asked = self._partitions(wanted.outcome)
            spans = {p: (positions[p], ends[p]) for p in asked if positions[p] < ends[p]}
            positions |= {p: at for p, at in ends.items() if p not in asked}
            items: list[Seen] = []
            async for partition, record in records(consumer, spans, budget):
                positions[partition] = record.offset + 1
                items += _shown(record, wanted)
                if len(items) >= limit:
                    break
            else:
                if not budget.over:
                    positions |= {p: end for p, (_, end) in spans.items()}
            more = any(positions[p] < end for p, (_, end) in spans.items())
            return Page(_newest(items), self._cursor(positions), more=more, skipped=skipped)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[tuple[AIOKafkaConsumer, Budget]]:
        if self._reading >= AT_ONCE:
            raise Problem(429, "Too many look at once", "Ask again in a second.", retry_after=1)
        self._reading += 1
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            request_timeout_ms=int(SECONDS * 1000),
        )
        budget = Budget(asyncio.get_running_loop().time() + SECONDS)
        try:
            async with asyncio.timeout(2 * SECONDS):
                await consumer.start()
                yield consumer, budget
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("the live view cannot be read", error=type(error).__name__)
            raise Problem(503, "Kafka is away", "Ask again in a moment.", retry_after=2) from error
        finally:
            self._reading -= 1
            await consumer.stop()

    def _partitions(self, outcome: str | None) -> list[TopicPartition]:
        return [
            TopicPartition(self.prefix + topic.name, number)
            for name, topic in _TOPICS.items()
            if outcome in (None, name)
            for number in range(self.partitions)
        ]

    def _cursor(self, positions: Mapping[TopicPartition, int]) -> str:
        told = [".".join(str(positions[p]) for p in self._partitions(name)) for name in _TOPICS]
        return "a{}r{}".format(*told)

    def _positions(self, cursor: str) -> Positions:
        found = _CURSOR.fullmatch(cursor)
        numbers = ".".join(found.groups()).split(".") if found else []
        partitions = self._partitions(None)
        if found is None or len(numbers) != len(partitions):
            raise Problem(422, "No cursor", "after: give `next` of the answer before, unchanged.")
        return {p: int(n) for p, n in zip(partitions, numbers, strict=True)}


def _before(
    reached: Positions,
    begins: Mapping[TopicPartition, int],
    found: Mapping[TopicPartition, list[Seen]],
    limit: int,
    size: int,
) -> dict[TopicPartition, Span]:
    """What to read next of the partitions that may still have one of the newest `limit`."""
    return {
        p: (max(begins[p], at - size), at)
        for p, at in reached.items()
        if at > begins[p] and len(found[p]) < limit
    }


def _shown(record: ConsumerRecord, wanted: Wanted) -> list[Seen]:
    """The one item that it is, or none."""
    name = next(t.name for t in _TOPICS.values() if record.topic.endswith(t.name))
    try:
        message = CODECS[name].decode(record.value)
    except (Undecodable, UnknownType):
        return []
    if not wanted.takes(message):
        return []
    item = seen(message)
    return [item] if wanted.fits(item) else []


def _newest(items: list[Seen]) -> list[Seen]:
    """First; of one instant, those that came last."""
    return sorted(items, key=lambda item: item.received_at)[::-1]
