"""Publishes in order: idempotent, one batch in flight per destination partition.

aiokafka's sender task ends on OutOfOrderSequence; so at the first failure the producer is closed
and the caller starts again from the oldest row with a new one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from shared.tasks import unheard

MAX_BATCH_BYTES = 900_000  # under Kafka's default message.max.bytes of 1 MiB


class Addressed(NamedTuple):
    """A message with its destination."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class OrderedProducer:
    """Order is kept per destination partition; `publish` returns when all is acknowledged."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, messages: Sequence[Addressed]) -> None:
        """Raises KafkaError when something was not acknowledged; repeat the same messages then."""
        by_destination: dict[tuple[str, int], list[Addressed]] = defaultdict(list)
        for message in messages:
            by_destination[message.topic, message.partition].append(message)
        try:
            producer = await self._started()
            async with asyncio.TaskGroup() as tasks:
                for (topic, partition), group in by_destination.items():
                    tasks.create_task(_send(producer, topic, partition, group))
        except BaseExceptionGroup as group_error:
            await self.close()
            raise group_error.exceptions[0] from group_error
        except BaseException:
            await self.close()
            raise

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                enable_idempotence=True,
                acks="all",
                max_batch_size=MAX_BATCH_BYTES,
                max_request_size=MAX_BATCH_BYTES + 100_000,
                request_timeout_ms=10_000,
            )
            try:
                await producer.start()
            except BaseException:
                await asyncio.shield(producer.stop())
                raise
            self._producer = producer
        return self._producer

    async def close(self) -> None:
        """Give up what is in flight; the next `publish` makes a new producer."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.shield(drop(producer))


async def drop(producer: AIOKafkaProducer) -> None:
    """`stop` alone waits for every batch, for ever; nobody waits for these any more."""
    with suppress(Exception):  # it is broken already, in whatever way
        await producer._sender.close()  # noqa: SLF001  ends what is in flight, by its time-out
    accumulator = producer._message_accumulator  # noqa: SLF001
    for batch in [b for queue in accumulator._batches.values() for b in queue]:  # noqa: SLF001
        accumulator._pending_batches.add(batch)  # noqa: SLF001  one to be repeated is not in it
    for batch in accumulator._pending_batches:  # noqa: SLF001
        batch.future.add_done_callback(unheard)
        batch._drain_waiter.add_done_callback(unheard)  # noqa: SLF001  fails too
    accumulator.fail_all(KafkaTimeoutError())
    with suppress(KafkaError, OSError):
        await producer.stop()


async def _send(
    producer: AIOKafkaProducer, topic: str, partition: int, messages: Sequence[Addressed]
) -> None:
    batch = producer.create_batch()
    for message in messages:
        if not _fits(batch, message):
            await (await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            if not _fits(batch, message):
                raise ValueError(f"a message for {topic} is over {MAX_BATCH_BYTES} bytes")
    await (await producer.send_batch(batch, topic, partition=partition))


def _fits(batch: object, message: Addressed) -> bool:
    appended = batch.append(  # type: ignore[attr-defined]
        key=message.key, value=message.value, timestamp=None, headers=list(message.headers)
    )
    return appended is not None
