"""How far the stages before are, and from that: up to when may timers fire? (promise 4)

A stage's T is the lowest progress of the stage before (for the first stage: business time now).
Only after T is known are the inputs' end offsets read; when this partition has committed up to
them, everything that happened before T has been seen here, and timers due by T may fire.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from shared.contracts import Progress
from shared.contracts.codec import Message


@dataclass(slots=True)
class ProgressBoard:
    """The newest progress per stage and partition, filled by a WholeTopic reader."""

    partitions: int
    _passed: dict[tuple[str, int], datetime] = field(default_factory=dict)

    def take(self, message: Message) -> None:
        assert isinstance(message, Progress)  # noqa: S101  the topic has no other type
        at = (message.stage, message.partition)
        if at not in self._passed or message.at > self._passed[at]:
            self._passed[at] = message.at

    def lowest(self, stage: str) -> datetime | None:
        """What all partitions of a stage have passed; None while one has not spoken."""
        marks = [self._passed.get((stage, p)) for p in range(self.partitions)]
        known = [m for m in marks if m is not None]
        return min(known) if len(known) == len(marks) else None


@dataclass(slots=True)
class Horizon:
    """One partition's answer to: up to when has everything been seen?"""

    upstream: Callable[[], Awaitable[datetime | None]]
    ends: Callable[[], Awaitable[dict[str, int]]]
    seen: datetime | None = None
    _target: tuple[datetime, dict[str, int]] | None = None

    async def look(self, positions: dict[str, int]) -> bool:
        """True when the horizon moved. `positions`: what is committed (next offset by topic)."""
        if self._target is None:
            at = await self.upstream()
            if at is None or (self.seen is not None and at <= self.seen):
                return False
            self._target = (at, await self.ends())
        at, ends = self._target
        if any(positions.get(topic, 0) < end for topic, end in ends.items()):
            return False
        self.seen, self._target = at, None
        return True
