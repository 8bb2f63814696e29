"""What came of calls to SES, written as it comes, many at a time."""

import asyncio

import structlog

from services.sender.adapters.announcements import Drain
from services.sender.claims import Claims
from services.sender.domain.message import Input, Key
from shared.db.pool import AWAY

log = structlog.get_logger()
MOST = 500
AGAIN_SECONDS = 0.5
GATHER_SECONDS = 0.02  # so that not every answer costs a transaction


class Results:
    """A result that cannot be written is tried again; lost with the process, it is ambiguous."""

    def __init__(self, claims: Claims, drain: Drain) -> None:
        self._claims, self._drain = claims, drain
        self._waiting: dict[Key, Input] = {}
        self._some = asyncio.Event()

    def put(self, key: Key, result: Input) -> None:
        self._waiting[key] = result
        self._some.set()

    async def run(self) -> None:
        """Until cancelled; then what is there is still written."""
        try:
            while True:
                await self._some.wait()
                await asyncio.sleep(GATHER_SECONDS)
                if not await self.flush():
                    await asyncio.sleep(AGAIN_SECONDS)
        finally:
            await self.flush()

    async def flush(self) -> bool:
        """False when the database did not take it."""
        self._some.clear()
        while self._waiting:
            batch = dict(list(self._waiting.items())[:MOST])
            try:
                await self._claims.tell(batch)
            except AWAY as error:
                log.warning("results wait", reason=type(error).__name__)
                self._some.set()
                return False
            for key, result in batch.items():
                if self._waiting.get(key) is result:
                    del self._waiting[key]
            self._drain.wake()
        return True
