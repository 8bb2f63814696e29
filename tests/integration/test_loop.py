"""The loop on real Kafka and PostgreSQL, with a stage small enough to see through."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts import CODECS
from shared.db.pool import connect
from shared.kafka.batch import Batch
from shared.kafka.partitioner import partition_of
from tests.integration.loop_place import PARTITIONS, Place, open_place


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with open_place(kafka, database, topic_prefix) as made:
        yield made


@pytest_asyncio.fixture(autouse=True)
async def clean(place: Place) -> AsyncIterator[None]:
    yield
    await place.stop()
    await place.db.execute("TRUNCATE segmenter.counted")


async def test_every_event_is_counted_once_and_passed_on(place: Place) -> None:
    await place.produce(*[(f"k{i % 7}", f"a{i}") for i in range(500)])
    place.start()
    await place.until(500)
    await place.stop()
    passed = [m for m in await place.published("identified-events") if m.startswith("a")]
    assert sorted(passed) == sorted(f"a{i}" for i in range(500))


async def test_two_processes_share_and_one_takes_over(place: Place) -> None:
    first = place.start()
    await place.produce(*[(f"k{i % 7}", f"b{i}") for i in range(50)])
    await place.until(50)
    place.start()
    first.cancel()
    await place.produce(*[(f"k{i % 7}", f"c{i}") for i in range(50)])
    await place.until(100)
    assert sum((await place.counted()).values()) == 100


async def test_a_broken_message_and_a_poisonous_one_stop_nobody(place: Place) -> None:
    good = [("k1", f"d{i}") for i in range(20)]
    await place.produce(*good, ("k1", b"\xff\x00{"), ("k1", "poison"), *good)
    place.start()
    await place.until(40)
    await place.stop()
    letters = await place.published("store-events.dead-letters")
    assert any("undecodable" in letter for letter in letters)
    assert any("ValueError: cannot be counted" in letter for letter in letters)


async def test_an_unknown_type_stops_the_consumer_and_loses_nothing(place: Place) -> None:
    partition = partition_of("k", PARTITIONS)
    before = await place.position(partition)
    await place.produce(("k", b'{"type": "FromTheFuture", "workspace": "default"}'))
    task = place.start()
    with pytest.raises(Exception, match="FromTheFuture"):
        await asyncio.wait_for(task, 60)
    place.running.clear()
    assert await place.position(partition) == before
    # let the tests after this one go on: an operator would roll out the new version
    await place.db.execute(
        """UPDATE ownership SET positions = jsonb_build_object('store-events',
              (positions->>'store-events')::int + 1)
           WHERE stage = 'identity' AND partition = $1""",
        partition,
    )


async def test_who_lost_the_partition_gives_up_and_nothing_is_counted_twice(
    place: Place, database: str
) -> None:
    thief = await connect(database, "segmenter")
    thefts: list[asyncio.Task[str]] = []
    steps: list[tuple[str, str]] = []

    def steal(step: str, when: str, batch: Batch) -> None:
        steps.append((step, when))
        if (step, when) == ("poll", "after") and batch.work.messages and not thefts:
            statement = thief.execute(
                "UPDATE ownership SET epoch = epoch + 1 WHERE stage = 'identity'"
            )
            thefts.append(asyncio.get_running_loop().create_task(statement))

    for i in range(2):
        await place.produce(*[("k5", f"z{i}{j}") for j in range(100)])
        if i == 0:
            place.start(steal)
        await place.until(100 * (i + 1))
    await thefts[0]
    await thief.close()
    assert await place.counted() == {"k5": 200}
    assert steps.count(("fence", "before")) > steps.count(("fence", "after"))


async def test_idle_partitions_report_progress(place: Place) -> None:
    place.start()
    async with asyncio.timeout(60):
        while True:
            found = await _progress(place)
            if {p for p, _ in found} == {0, 1} and len(found) > 4:
                break
    assert [at for p, at in found if p == 0] == sorted(at for p, at in found if p == 0)
    assert max(at for _, at in found) <= datetime.now(UTC) + timedelta(seconds=5)


async def _progress(place: Place) -> list[tuple[int, datetime]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=place.kafka, enable_auto_commit=False)
    await consumer.start()
    tp = TopicPartition(place.prefix + "progress", 0)
    consumer.assign([tp])
    await consumer.seek_to_beginning(tp)
    records = (await consumer.getmany(timeout_ms=500)).get(tp, [])
    await consumer.stop()
    decoded = [CODECS["progress"].decode(r.value) for r in records]
    return [(p.partition, p.at) for p in decoded]
