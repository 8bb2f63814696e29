"""SES's notifications by SQS: received, published, and deleted when Kafka has them.

What is not deleted comes again after it was hidden for a minute: a process that is killed loses
nothing, and a repeat changes nothing (the events' fingerprint). What cannot be read is left to the
queue's redrive policy, as the HTTPS door answers it with 422.
"""

import asyncio
import random
import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import structlog

from services.ingest import metrics
from services.ingest.adapters.sqs import Message, Queue
from services.ingest.domain.ses_events import Unreadable, delivery_event
from services.ingest.domain.sns import NotSns, NotTrusted, from_queue
from services.ingest.handlers import Door, delivery_message
from shared.kafka.producer import Addressed
from shared.tasks import to_its_end

log = structlog.get_logger()
AGAIN_AFTER = 0.5  # seconds, while Kafka is away
AWAY = 2.0  # seconds, doubled up to LONGEST, while SQS is
LONGEST = 60.0


class Polling(NamedTuple):
    """`topics`: TopicArns that are ours. `receives`: at the same time.

    `held`: seconds for which what was received is tried again; less than it is hidden from others.
    """

    topics: Collection[str]
    receives: int = 4
    held: float = 45.0


class Understood(NamedTuple):
    """`news` is what is to be published; empty when the message says nothing for us."""

    message: Message
    kind: str
    news: list[Addressed]


class Poller:
    """`run` beside the service, in every replica. `wrong`: why Kafka cannot be written to."""

    def __init__(
        self, queue: Queue, door: Door, wrong: Callable[[], str | None], polling: Polling
    ) -> None:
        self._queue, self._door, self._wrong, self._polling = queue, door, wrong, polling
        self.emptied_at: float | None = None  # when the last empty poll began, monotonic seconds

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._polling.receives):
                group.create_task(self._poll())

    async def _poll(self) -> None:
        failed = 0
        while True:
            if self._wrong() is not None:  # nothing is received that could not be kept
                await asyncio.sleep(AGAIN_AFTER)
                continue
            began = time.monotonic()
            try:
                received = await self._queue.receive()
            except Exception as error:  # noqa: BLE001  boto3 raises many kinds; none ends this
                failed += 1
                await _pause(failed, error)
                continue
            failed = 0
            if received:
                await self._take(received)
            else:
                self.emptied_at = began

    async def _take(self, received: list[Message]) -> None:
        until = time.monotonic() + self._polling.held
        understood = [u for u in map(self._understand, received) if u is not None]
        waiting = understood
        while waiting:
            lost = await self._publish(waiting)
            kept = [u for i, u in enumerate(waiting) if i not in lost]
            if kept:
                await to_its_end(self._delete(kept))
            waiting = [waiting[i] for i in sorted(lost)]
            if waiting and time.monotonic() > until:
                log.warning("left in the queue: Kafka is away", messages=len(waiting))
                return
            if waiting:
                await asyncio.sleep(AGAIN_AFTER)

    def _understand(self, message: Message) -> Understood | None:
        """None: it is left in the queue."""
        try:
            said = from_queue(message.body, self._polling.topics)
            kind, event = delivery_event(said.text, self._door.now())
        except (NotSns, NotTrusted, Unreadable) as error:
            kind = "not_trusted" if isinstance(error, NotTrusted) else "unreadable"
            metrics.SES_EVENTS.labels(kind).inc()
            log.warning(kind, sqs_message=message.id, reason=str(error))
            return None
        had = said.at.timestamp() if said.at else message.sent_at
        metrics.SES_LAG.observe(max(time.time() - had, 0))
        news = [] if event is None else [delivery_message(self._door.topics, event)]
        return Understood(message, kind, news)

    async def _publish(self, waiting: Sequence[Understood]) -> set[int]:
        """The places of those that Kafka does not have."""
        places = [i for i, u in enumerate(waiting) for _ in u.news]
        lost = await self._door.publisher.publish([m for u in waiting for m in u.news])
        return {places[i] for i in lost}

    async def _delete(self, kept: Sequence[Understood]) -> None:
        for u in kept:
            metrics.SES_EVENTS.labels(u.kind).inc()
        try:
            left = await self._queue.delete([u.message for u in kept])
        except Exception as error:  # noqa: BLE001  they come again, which changes nothing
            log.warning("not deleted", messages=len(kept), error=repr(error))
        else:
            if left:
                log.warning("not deleted", messages=left)


async def _pause(failed: int, error: Exception) -> None:
    """The error's text may name the queue's account, never a contact."""
    log.warning("SQS does not answer", error=repr(error))
    metrics.SQS_FAILURES.inc()
    await asyncio.sleep(min(AWAY * 2.0 ** (failed - 1), LONGEST) * random.uniform(0.5, 1))
