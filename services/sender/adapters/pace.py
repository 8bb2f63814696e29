"""How fast this process may send: slices of the bucket that all replicas share."""

import time
from datetime import datetime, timedelta

import asyncpg
import structlog

from services.sender import metrics
from services.sender.adapters import dispatch
from services.sender.domain import rate

log = structlog.get_logger()
SLICE_SECONDS = 0.2  # worth of the whole account's rate, taken at once
KEEP_SECONDS = 1.0  # then a slice that was not used is forgotten
BRAKE_SECONDS = 1.0  # a burst of refusals counts once
BLOCKED_FOR = timedelta(minutes=2)
LOOK_AGAIN_SECONDS = 1.0  # whether the account may send again


class Pace:
    """Times are the database's wall clock."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._left, self._until = 0, 0.0
        self._per_second = 0.0
        self._braked = self._shut_until = float("-inf")

    @property
    def shut(self) -> bool:
        """The account must not send, as seen a moment ago: there is no use in claiming."""
        return time.monotonic() < self._shut_until

    async def take(self, wanted: int, now: datetime) -> int:
        """How many mails may go out now, up to `wanted`."""
        if self._left == 0 or time.monotonic() > self._until:
            self._left = await self._slice(max(wanted, int(self._per_second * SLICE_SECONDS)), now)
            self._until = time.monotonic() + KEEP_SECONDS
        granted = min(wanted, self._left)
        self._left -= granted
        return granted

    async def _slice(self, wanted: int, now: datetime) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            bucket, granted = rate.take(await dispatch.bucket(connection), wanted, now)
            await dispatch.save_bucket(connection, bucket)
        self._per_second = bucket.per_second
        blocked = bucket.blocked_until is not None and now < bucket.blocked_until
        metrics.BLOCKED.set(blocked)
        if blocked:
            self._shut_until = time.monotonic() + LOOK_AGAIN_SECONDS
        return granted

    async def slower(self, now: datetime) -> None:
        """SES said that it was too fast: for all replicas."""
        if self._brakes():
            async with self._pool.acquire() as connection, connection.transaction():
                bucket = rate.slower(await dispatch.bucket(connection), now)
                await dispatch.save_bucket(connection, bucket)

    async def stop(self, now: datetime, reason: str) -> None:
        """The whole account must not send, for a while."""
        if self._brakes():
            log.error("the account must not send", reason=reason)
            async with self._pool.acquire() as connection, connection.transaction():
                bucket = rate.block(await dispatch.bucket(connection), now + BLOCKED_FOR, reason)
                await dispatch.save_bucket(connection, bucket)

    def _brakes(self) -> bool:
        self._left = 0
        if time.monotonic() - self._braked < BRAKE_SECONDS:
            return False
        self._braked = time.monotonic()
        return True
