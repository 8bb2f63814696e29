"""SES's feed is marked by one replica, and only where its queue was empty."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import asyncpg
import pytest

from services.ingest.adapters.feed_lease import hold
from services.ingest.adapters.sqs import Counts, Queue, Receiving, Where
from shared.contracts import DeliveryEvent, FeedMark
from shared.db.migrate import migrate
from shared.db.pool import create_pool
from tests.integration.ingest_place import Place, place
from tests.integration.queue_place import REGION, QueuePlace, document, moto, queue_place


@pytest.fixture
def queue() -> Iterator[QueuePlace]:
    with pytest.MonkeyPatch.context() as patch, moto() as endpoint, queue_place(endpoint) as made:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield made


async def marks(ingest: Place, count: int) -> list[FeedMark]:
    """All of both partitions, as soon as there are so many."""
    async with asyncio.timeout(20):
        while True:
            kept = await ingest.kept("delivery-events")
            found = [event for event in kept if isinstance(event, FeedMark)]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.1)


async def test_an_empty_queue_is_marked_by_one_replica_and_by_the_next_when_it_has_gone(
    database: str, kafka: str, topic_prefix: str, queue: QueuePlace
) -> None:
    settings = queue.settings(sqs_silence=1)
    async with (
        place(database, kafka, topic_prefix, **settings) as one,
        place(database, kafka, topic_prefix, **settings) as two,
    ):
        await queue.tell(document("m_marked"))
        await queue.until(0)
        first = await marks(two, 4)
        assert len({mark.fence for mark in first}) == 1
        kept = await one.kept("delivery-events")
        assert [e.message for e in kept if isinstance(e, DeliveryEvent)] == ["m_marked"]
    await free(database)
    async with place(database, kafka, topic_prefix, **settings) as three:
        await three.ready()
        later = await marks(three, len(first) + 4)
        assert max(mark.fence for mark in later) > first[0].fence
        assert all(mark.until < datetime.now(UTC) for mark in later)


async def free(database: str) -> None:
    """The lease is over at once, so that the test need not wait for it."""
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE ingest.feed_lease SET until = '-infinity'")
    await connection.close()


async def test_the_lease_is_ones_and_its_number_rises(
    database: str, kafka: str, topic_prefix: str
) -> None:
    await migrate(database, kafka, partitions=2, prefix=topic_prefix)
    await free(database)
    pool = await create_pool(database.replace("postgres@", "tuvi_ingest@"), "ingest", 2)
    one = await hold(pool, "one")
    assert one is not None
    again = await hold(pool, "one")
    assert again is not None
    assert again.fence == one.fence
    assert await hold(pool, "two") is None
    await free(database)
    two = await hold(pool, "two")
    assert two is not None
    assert two.fence > one.fence
    assert await hold(pool, "one") is None
    await pool.close()


async def test_dead_letters_count_as_unread(queue: QueuePlace) -> None:
    """One of them may be the Send that somebody waits for."""
    await asyncio.to_thread(queue.sqs.send_message, QueueUrl=queue.dead, MessageBody="x")
    where = Where(queue.queue, queue.endpoint, REGION)

    found = await Queue(where, Receiving(), calls=2).counts()

    assert found == Counts(visible=0, in_flight=0, delayed=0, dead=1)
