"""How fresh the feed of notifications is (promise 5), seen from outside of the loop.

At T the ends of delivery-events are asked; once the positions that stage feedback has committed
are there, everything that was accepted before T is known: the partition was caught up at T. It is
the committed truth, so any replica can look, whoever owns the partition.
"""

import asyncio
import time
from dataclasses import dataclass, field

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.sender import metrics
from shared.contracts import topics
from shared.contracts.stages import FEEDBACK
from shared.db.pool import AWAY

log = structlog.get_logger()


@dataclass(slots=True)
class Marks:
    """Per partition: the oldest end that is not reached yet, and when it was last caught up.

    Times are monotonic seconds.
    """

    caught_up: dict[int, float] = field(default_factory=dict)
    waiting: dict[int, tuple[float, int]] = field(default_factory=dict)

    def look(self, at: float, ends: dict[int, int], positions: dict[int, int]) -> None:
        """`ends` were asked after `at`, `positions` after `ends`."""
        for partition, end in ends.items():
            position = positions.get(partition, -1)
            noted, wanted = self.waiting.get(partition, (at, end))
            if position >= wanted:
                self.caught_up[partition] = noted
                noted, wanted = at, end
            if position >= wanted:
                self.caught_up[partition] = noted
                self.waiting.pop(partition, None)
            else:
                self.waiting[partition] = (noted, wanted)


class FeedWatch:
    """Ask `age()` before anything marketing is sent."""

    def __init__(self, pool: asyncpg.Pool, kafka: str, partitions: int, prefix: str = "") -> None:
        self._pool, self._kafka = pool, kafka
        name = prefix + topics.DELIVERY_EVENTS.name
        self._partitions = [TopicPartition(name, p) for p in range(partitions)]
        self._marks = Marks()

    def age(self) -> float:
        """Seconds since the stalest partition was caught up; infinite before the first look."""
        known = self._marks.caught_up
        if len(known) < len(self._partitions):
            return float("inf")
        return time.monotonic() - min(known.values())

    async def run(self, every: float = 0.5) -> None:
        """Until cancelled; while Kafka or PostgreSQL are away the age rises."""
        while True:
            try:
                await self._watch(every)
            except (KafkaError, *AWAY) as error:
                log.warning("the feed is not seen", reason=type(error).__name__)
            await asyncio.sleep(every)

    async def _watch(self, every: float) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._kafka, enable_auto_commit=False)
        await consumer.start()
        try:
            while True:
                at = time.monotonic()
                ends = await consumer.end_offsets(self._partitions)
                rows = await self._pool.fetch(
                    "SELECT partition, positions FROM ownership WHERE stage = $1", FEEDBACK.name
                )
                topic = topics.DELIVERY_EVENTS.name
                positions = {r["partition"]: int(r["positions"].get(topic, 0)) for r in rows}
                self._marks.look(at, {tp.partition: end for tp, end in ends.items()}, positions)
                metrics.FEED_AGE.set(self.age())
                await asyncio.sleep(every)
        finally:
            await consumer.stop()
