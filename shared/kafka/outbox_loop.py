"""What publishes rows after their commit: woken by it, and looking by itself in case it was not."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiokafka.errors import KafkaError

from shared.db.pool import AWAY

log = structlog.get_logger()


class OutboxLoop:
    """`once` answers whether there may be more; with Kafka or PostgreSQL away it is tried again."""

    def __init__(self, name: str, once: Callable[[], Awaitable[bool]]) -> None:
        self._name, self._once = name, once
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Call after a commit, so that nobody waits for the next look."""
        self._woken.set()

    async def run(self, look_every: float) -> None:
        """Until cancelled; seconds."""
        while True:
            try:
                while await self._once():
                    pass
            except (KafkaError, *AWAY) as error:
                log.warning("rows wait", what=self._name, reason=type(error).__name__)
            try:
                async with asyncio.timeout(look_every):
                    await self._woken.wait()
            except TimeoutError:
                continue
            self._woken.clear()
