"""GetAccount: SES's quota and standing, asked every minute with boto3 in a thread."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import structlog

from services.sender import metrics
from services.sender.adapters import dispatch
from services.sender.domain import rate

log = structlog.get_logger()
EVERY = 60.0
BLOCKED_FOR = timedelta(seconds=2 * EVERY)


class Account:
    """Keeps the shared bucket at the account's rate, and shut while it must not send."""

    def __init__(self, pool: asyncpg.Pool, endpoint: str, region: str) -> None:
        self._pool, self._endpoint, self._region = pool, endpoint, region
        self._client: Any = None

    async def keep(self, every: float = EVERY) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001  boto3 raises many kinds; the last rate stays
                log.warning("SES's quota is unknown", reason=type(error).__name__)
            await asyncio.sleep(every)

    async def look(self) -> None:
        given = await asyncio.to_thread(self._ask)
        quota = given["SendQuota"]
        left = quota["Max24HourSend"] - quota["SentLast24Hours"]
        if quota["Max24HourSend"] >= 0:
            metrics.QUOTA.labels("left").set(left)
        metrics.QUOTA.labels("day").set(quota["Max24HourSend"])
        metrics.QUOTA.labels("second").set(quota["MaxSendRate"])
        metrics.SANDBOX.set(not given.get("ProductionAccessEnabled", True))
        reason = ""
        if given.get("EnforcementStatus") == "SHUTDOWN" or not given.get("SendingEnabled", True):
            reason = "sending_paused"
        elif quota["Max24HourSend"] >= 0 and left < 1:
            reason = "daily_quota"
        async with self._pool.acquire() as connection, connection.transaction():
            bucket = rate.with_limit(await dispatch.bucket(connection), quota["MaxSendRate"])
            if reason:
                bucket = rate.block(bucket, datetime.now(UTC) + BLOCKED_FOR, reason)
            await dispatch.save_bucket(connection, bucket)

    def _ask(self) -> dict[str, Any]:
        import boto3  # noqa: PLC0415  half a second that starting need not wait for
        from botocore.config import Config  # noqa: PLC0415

        if self._client is None:
            self._client = boto3.session.Session().client(
                "sesv2",
                region_name=self._region,
                endpoint_url=self._endpoint or None,
                config=Config(
                    retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10
                ),
            )
        given: dict[str, Any] = self._client.get_account()
        return given
