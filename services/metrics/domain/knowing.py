"""What it means to know more: each of these is commutative, associative and idempotent."""

from datetime import datetime


def first(a: datetime | None, b: datetime | None) -> datetime | None:
    """The earlier of two instants; None is not known yet."""
    if a is None or b is None:
        return a or b
    return min(a, b)


Reasoned = tuple[datetime | None, str]


def first_with_reason(a: Reasoned, b: Reasoned) -> Reasoned:
    """The earlier with its reason; at the same instant the reason that sorts first."""
    known = [(at, reason) for at, reason in (a, b) if at is not None]
    return min(known, default=(None, ""))


def smallest(a: tuple[int, ...], b: tuple[int, ...], limit: int) -> tuple[int, ...]:
    """The union, bounded."""
    return tuple(sorted({*a, *b})[:limit])


def latest(a: tuple[datetime, ...], b: tuple[datetime, ...], limit: int) -> tuple[datetime, ...]:
    """The union, bounded; the newest are kept."""
    return tuple(sorted({*a, *b})[-limit:])
