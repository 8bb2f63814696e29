"""Business time: a line through a point, so that a demo can live five days in three minutes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives business time as an aware UTC datetime."""


def wall() -> datetime:
    return datetime.now(UTC)


@dataclass
class LineClock:
    """business = origin_business + (wall - origin_wall) * speed; speed 0 stands still."""

    origin_wall: datetime
    origin_business: datetime
    speed: float = 1.0

    def __call__(self) -> datetime:
        return self.origin_business + (wall() - self.origin_wall) * self.speed

    def set(self, business: datetime, speed: float) -> None:
        """From now on it is `business` and runs at `speed`."""
        self.origin_wall, self.origin_business, self.speed = wall(), business, speed


def line_clock(
    origin_wall: datetime | None, origin_business: datetime | None, speed: float
) -> LineClock:
    now = wall()
    start = origin_wall or now
    return LineClock(start, origin_business or start, speed)


def iso(moment: datetime) -> str:
    """As SES writes it: milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_instant(text: str, field: str) -> datetime:
    """ISO 8601 with an offset, as aware UTC; ValueError names the field."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{field}: {text!r} is not ISO 8601; write 2026-11-22T09:00:00Z"
        ) from error
    if moment.tzinfo is None:
        raise ValueError(f"{field}: {text!r} has no offset; add Z or +00:00")
    return moment.astimezone(UTC)
