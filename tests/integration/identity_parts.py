"""Stage identity on a real database without Kafka: batches that a test interleaves at will."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from services.segmenter.domain.given import Given
from services.segmenter.identity_stage import Batch, IdentityStage
from shared.contracts import StoreEvent, encode, topics
from shared.contracts.keys import identity_key
from shared.kafka.loop import REPEAT
from shared.kafka.records import Outgoing, Received, Work

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
FIELDS = {"user": "userId", "email": "email", "anonymous": "anonymousId"}


def call_of(given: Given) -> dict[str, Any]:
    """The call of a shop that gives these identities."""
    call: dict[str, Any] = {"type": "track", "event": "Product Viewed"}
    for identity in given.identities:
        if identity.kind == "email":
            call["properties"] = {"email": identity.value}
        else:
            call[FIELDS[identity.kind]] = identity.value
    if given.before:
        call |= {"type": "alias", "previousId": given.before[0].value}
    return call


def stored(
    message_id: str,
    call: dict[str, Any],
    at: datetime = NOON,
    workspace: str = "shop",
    *,
    public: bool = False,
) -> StoreEvent:
    return StoreEvent(
        workspace=workspace,
        message_id=message_id,
        received_at=at,
        event=msgspec.Raw(encode(call)),
        public=public,
    )


def key_of(given: Given) -> str:
    return identity_key(*given.identities[0])


def work_of(events: Iterable[StoreEvent], now: datetime = NOON) -> Work:
    name = topics.STORE_EVENTS.name
    messages = [Received(name, 0, i, "", event, b"") for i, event in enumerate(events)]
    return Work(0, 2, messages=messages, now=now)


@dataclass
class Part:
    """One process's connection, and what it has published."""

    db: asyncpg.Connection
    published: list[Outgoing] = field(default_factory=list)
    repeats: int = 0

    @asynccontextmanager
    async def batch(self, work: Work) -> AsyncIterator[Batch]:
        """A transaction in which the batch was read; at its end it is decided and written."""
        stage = IdentityStage()
        async with self.db.transaction():
            state = await stage.read(self.db, work)
            yield state
            messages = stage.decide(state, work)
            await stage.write(self.db, state)
        self.published += messages

    async def take(self, events: Iterable[StoreEvent], now: datetime = NOON) -> None:
        """As the loop does it: again with fresh reads after a conflict."""
        work = work_of(events, now)
        while True:
            try:
                async with self.batch(work):
                    await asyncio.sleep(0)  # let others in between reading and writing
            except REPEAT:
                self.repeats += 1
                await asyncio.sleep(0.001)
            else:
                return

    @property
    def passed(self) -> list[str]:
        """The messageIds that went on to profile."""
        return [m.message.event.message_id for m in self.published if hasattr(m.message, "event")]


async def waits(task: asyncio.Task[Any], db: asyncpg.Connection) -> None:
    """Until somebody in this database waits for a lock."""
    async with asyncio.timeout(10):
        while not await db.fetchval(
            """SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
               WHERE NOT l.granted AND a.datname = current_database()"""
        ):
            assert not task.done()
            await asyncio.sleep(0.005)
