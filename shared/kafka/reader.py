"""Reads a small topic whole, for ever: `definitions` and `progress` in every process."""

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.contracts import CODECS, Undecodable, UnknownType
from shared.contracts.codec import Message
from shared.contracts.topics import Topic

log = structlog.get_logger()
AGAIN_SECONDS = 1.0


class WholeTopic:
    """Calls `take(message)` for every message from the beginning; `ready` once caught up."""

    def __init__(
        self, bootstrap: str, topic: Topic, take: Callable[[Message], None], *, prefix: str = ""
    ) -> None:
        self._name = prefix + topic.name
        self._codec = CODECS[topic.name]
        self._take = take
        self._bootstrap = bootstrap
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. The newest value per key comes last, so `take` may overwrite."""
        while True:
            consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
            try:
                await consumer.start()
                await self._read(consumer)
            except KafkaError as error:
                log.warning("reading again", topic=self._name, reason=type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)
            finally:
                await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        """From the beginning, each time: what was taken before is taken again, without effect."""
        partition = TopicPartition(self._name, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        while True:
            if await consumer.position(partition) >= end:
                self.ready.set()
            batches = await consumer.getmany(timeout_ms=200)
            for record in batches.get(partition, []):
                if record.value is not None:
                    self._decoded(record.offset, record.value)

    def _decoded(self, offset: int, value: bytes) -> None:
        """What this version cannot read is left out and told: it may be a newer one's."""
        try:
            message = self._codec.decode(value)
        except (Undecodable, UnknownType) as error:
            log.warning("left out", topic=self._name, offset=offset, reason=str(error)[:200])
            return
        self._take(message)
