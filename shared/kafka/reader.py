"""Reads a small topic whole, for ever: `definitions` and `progress` in every process."""

import asyncio
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts import CODECS
from shared.contracts.codec import Message
from shared.contracts.topics import Topic


class WholeTopic:
    """Calls `take(message)` for every message from the beginning; `ready` once caught up."""

    def __init__(
        self, bootstrap: str, topic: Topic, take: Callable[[Message], None], *, prefix: str = ""
    ) -> None:
        self._name = prefix + topic.name
        self._codec = CODECS[topic.name]
        self._take = take
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. The newest value per key comes last, so `take` may overwrite."""
        await self._consumer.start()
        try:
            partition = TopicPartition(self._name, 0)
            self._consumer.assign([partition])
            await self._consumer.seek_to_beginning(partition)
            end = (await self._consumer.end_offsets([partition]))[partition]
            while True:
                if await self._consumer.position(partition) >= end:
                    self.ready.set()
                batches = await self._consumer.getmany(timeout_ms=200)
                for record in batches.get(partition, []):
                    if record.value is not None:
                        self._take(self._codec.decode(record.value))
        finally:
            await self._consumer.stop()
