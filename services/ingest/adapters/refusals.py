"""Tells `refused-events` what callers were refused: best effort, and nobody waits for it."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from services.ingest import metrics
from services.ingest.domain.calls import Remark, Sender
from services.ingest.domain.glance import Event
from services.ingest.domain.refusals import refused_event
from shared.contracts import topics
from shared.contracts.codec import encode
from shared.contracts.topics import Topic
from shared.kafka.producer import Addressed

A_SECOND = 50  # of one door; a shop that sends nothing but faults sees what they are by these


class _Publishes(Protocol):
    async def publish(self, messages: Sequence[Addressed]) -> set[int]: ...


class Refusals:
    """`address`: handlers.Topics.address."""

    def __init__(
        self, publisher: _Publishes, address: Callable[[Topic, str, bytes], Addressed]
    ) -> None:
        self._publisher, self._address = publisher, address
        self._second = 0
        self._shown: Counter[tuple[str, int]] = Counter()
        self._on_their_way: set[asyncio.Task[None]] = set()

    def tell(
        self,
        sender: Sender,
        route: str,
        remarks: Sequence[Remark],
        events: Sequence[Event] = (),
        *,
        a_second: int = A_SECOND,
    ) -> None:
        """`remarks`: one a refused event; each one's place is that of its bytes in `events`.

        Beyond `a_second` of a door they are only counted.
        """
        key = f"{sender.workspace}:{sender.via}"
        shown = remarks[: self._left(key, len(remarks), a_second)]
        metrics.NOT_SHOWN.inc(len(remarks) - len(shown))
        if not shown:
            return
        told = [
            refused_event(sender, route, r, events[r.place] if r.place < len(events) else b"")
            for r in shown
        ]
        messages = [self._address(topics.REFUSED_EVENTS, key, encode(one)) for one in told]
        task = asyncio.create_task(self._publish(messages))
        self._on_their_way.add(task)
        task.add_done_callback(self._on_their_way.discard)

    def _left(self, key: str, wanted: int, most: int) -> int:
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._shown.clear()
        left = min(wanted, most - self._shown[key, most])
        self._shown[key, most] += left
        return left

    async def _publish(self, messages: list[Addressed]) -> None:
        metrics.NOT_SHOWN.inc(len(await self._publisher.publish(messages)))
