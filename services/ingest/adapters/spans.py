"""Stretches of partitions, read once, as far as a budget goes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

SECONDS = 4.0
RECORDS, BYTES = 10_000, 24 * 1024 * 1024
AT_A_TIME = 100  # records, while the door waits
Span = tuple[int, int]  # offsets: the first, and the one after the last


@dataclass(slots=True)
class Budget:
    """What is left to read."""

    until: float
    records: int = RECORDS
    bytes: int = BYTES

    def spend(self, record: ConsumerRecord) -> None:
        self.records -= 1
        self.bytes -= len(record.value or b"") + len(record.key or b"")

    @property
    def over(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self.records <= 0 or self.bytes <= 0 or now >= self.until


async def records(
    consumer: AIOKafkaConsumer, spans: Mapping[TopicPartition, Span], budget: Budget
) -> AsyncIterator[tuple[TopicPartition, ConsumerRecord]]:
    """All records of the spans, each partition's in order, as far as the budget goes."""
    left = dict(spans)
    consumer.assign(list(left))
    for partition, (first, _) in left.items():
        consumer.seek(partition, first)
    while left and not budget.over:
        batches = await consumer.getmany(*left, timeout_ms=100, max_records=AT_A_TIME)
        for partition, batch in batches.items():
            end = left[partition][1]
            for record in batch:
                if record.offset < end and not budget.over:
                    budget.spend(record)
                    yield partition, record
        for partition in list(left):
            if await consumer.position(partition) >= left[partition][1]:
                del left[partition]
                consumer.pause(partition)
