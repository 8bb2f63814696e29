"""How fast: a token bucket shared by all replicas, slower when SES throttles, and back-off."""

from datetime import datetime, timedelta

import msgspec

SHARE = 0.9  # of SES's MaxSendRate: its own counting is not ours
SLOWER = 0.7
SLOWEST = 0.05
RECOVERS = 0.02  # of full speed, a second
FIRST_WAIT = 0.5
LONGEST_WAIT = 60.0


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """`limit` is SES's MaxSendRate; times are wall."""

    limit: float
    factor: float
    tokens: float
    filled_at: datetime
    blocked_until: datetime | None = None
    blocked_for: str = ""

    @property
    def per_second(self) -> float:
        return self.limit * SHARE * self.factor


def take(bucket: Bucket, wanted: int, now: datetime) -> tuple[Bucket, int]:
    """Up to `wanted` tokens, whole ones."""
    filled = _filled(bucket, now)
    if bucket.blocked_until is not None and now < bucket.blocked_until:
        return filled, 0
    granted = max(0, min(wanted, int(filled.tokens)))
    return msgspec.structs.replace(filled, tokens=filled.tokens - granted), granted


def slower(bucket: Bucket, now: datetime) -> Bucket:
    """SES said that it was too fast."""
    filled = _filled(bucket, now)
    factor = max(SLOWEST, filled.factor * SLOWER)
    return msgspec.structs.replace(filled, factor=factor, tokens=min(filled.tokens, 0.0))


def block(bucket: Bucket, until: datetime, reason: str) -> Bucket:
    """The whole account must not send."""
    return msgspec.structs.replace(bucket, blocked_until=until, blocked_for=reason)


def with_limit(bucket: Bucket, limit: float) -> Bucket:
    """GetAccount's answer: what blocked the account is gone."""
    return msgspec.structs.replace(bucket, limit=limit, blocked_until=None, blocked_for="")


def _filled(bucket: Bucket, now: datetime) -> Bucket:
    seconds = max(0.0, (now - bucket.filled_at).total_seconds())
    most = max(1.0, bucket.per_second)  # a second's worth: a pause is not caught up with a burst
    return msgspec.structs.replace(
        bucket,
        tokens=min(most, bucket.tokens + seconds * bucket.per_second),
        factor=min(1.0, bucket.factor + seconds * RECOVERS),
        filled_at=max(now, bucket.filled_at),
    )


def back_off(attempt: int, jitter: float) -> timedelta:
    """`attempt` from 1; `jitter` from 0 to 1 takes away up to half."""
    full = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt - 1, 10))
    return timedelta(seconds=full * (1 - jitter / 2))
