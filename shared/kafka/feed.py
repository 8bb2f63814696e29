"""One partition number of a stage's input topics, read through the group's consumer."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata

from shared.contracts.topics import Topic
from shared.errors import StageStopped

NOTE_SECONDS = 5.0  # the client itself would ask for the coordinator for ever


class Feed:
    """Hides topic prefixes and TopicPartitions from the loop."""

    def __init__(
        self, consumer: AIOKafkaConsumer, topics: Sequence[Topic], partition: int, prefix: str
    ) -> None:
        self.partition = partition
        self._consumer = consumer
        self._by_name = {t.name: TopicPartition(prefix + t.name, partition) for t in topics}
        self._names = {tp: name for name, tp in self._by_name.items()}
        self.answered = time.time()
        """When Kafka last said what there is, Unix seconds; of several inputs the oldest."""

    def seek(self, positions: dict[str, int]) -> None:
        """The positions of PostgreSQL are the truth; Kafka's committed offsets are for displays."""
        for name, tp in self._by_name.items():
            self._consumer.seek(tp, positions.get(name, 0))
            self._consumer.resume(tp)

    async def poll(self, limit: int, patience: float) -> dict[str, list[Any]]:
        """Records by topic name; waits up to `patience` seconds for the first."""
        try:
            got = await self._consumer.getmany(
                *self._names, timeout_ms=int(patience * 1000), max_records=limit
            )
        except OffsetOutOfRangeError as error:
            raise StageStopped(f"Kafka no longer has the position: {error}") from error
        times = [self._consumer.last_poll_timestamp(tp) for tp in self._names]
        if got:
            self.answered = time.time()
        elif None not in times:
            self.answered = min(times) / 1000
        return {self._names[tp]: records for tp, records in got.items()}

    def lag(self, positions: dict[str, int]) -> int | None:
        """Records from `positions` to the ends of Kafka's last answers; None before the first."""
        ends = {name: self._consumer.highwater(tp) for name, tp in self._by_name.items()}
        if None in ends.values():
            return None
        lags: list[int] = [max(0, end - positions.get(name, 0)) for name, end in ends.items()]
        return sum(lags)

    async def ends(self) -> dict[str, int]:
        """The end of each input, asked now."""
        got = await self._consumer.end_offsets(list(self._names))
        return {self._names[tp]: end for tp, end in got.items()}

    async def note(self, positions: dict[str, int]) -> None:
        """Commit to Kafka for lag displays and autoscalers; failing costs nothing."""
        try:
            async with asyncio.timeout(NOTE_SECONDS):
                await self._consumer.commit(
                    {
                        self._by_name[name]: OffsetAndMetadata(offset, "")
                        for name, offset in positions.items()
                        if name in self._by_name
                    }
                )
        except (KafkaError, TimeoutError):
            return
