"""The loop while something is away is alive and says so; told to end, it leaves nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from shared.contracts.stages import PROFILE
from shared.db import timers
from shared.db.timers import Timer
from shared.kafka import consumer as consuming
from shared.kafka.batch import Batch
from shared.kafka.partitioner import partition_of
from shared.kafka.records import Outgoing, Work
from shared.service import Health
from tests.integration.loop_place import PARTITIONS, Place, open_place

NOBODY = "127.0.0.1:1"
PARTITION = partition_of("k", PARTITIONS)
WENT_ROUND = "tuvi_consumer_last_progress_timestamp_seconds"
READ = "tuvi_consumer_last_read_timestamp_seconds"
LAG = "tuvi_consumer_lag_records"
PENDING = "tuvi_outbox_oldest_pending_timestamp_seconds"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with open_place(kafka, database, topic_prefix) as made:
        yield made


@pytest_asyncio.fixture(autouse=True)
async def clean(place: Place) -> AsyncIterator[None]:
    yield
    await place.stop()
    await place.db.execute("TRUNCATE segmenter.counted")


def gauge(name: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"stage": "identity", "partition": str(PARTITION)})


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


async def rises_twice(name: str) -> None:
    for _ in range(2):
        before = gauge(name) or 0
        await until(lambda before=before: (gauge(name) or 0) > before)  # type: ignore[misc]


async def test_a_loop_without_a_database_is_alive(place: Place) -> None:
    consumer = place.consumer()
    consumer.where.dsn = f"postgresql://nobody@{NOBODY}/nothing"
    place.run(consumer)
    await until(lambda: gauge(WENT_ROUND) is not None)
    read = gauge(READ)
    await rises_twice(WENT_ROUND)
    assert gauge(READ) == read  # alive, but it is told that nothing is read
    assert Health(stages=("identity",)).stuck() == []


async def test_a_loop_that_cannot_publish_is_alive_and_says_since_when_its_outbox_waits(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "FINISH_SECONDS", 0.5)
    consumer = place.consumer()

    def lose_kafka(step: str, when: str, batch: Batch) -> None:
        if (step, when) == ("take_over", "before") and consumer.where.kafka != NOBODY:
            consumer.where.kafka = NOBODY
            raise ConnectionError

    consumer.on_step = lose_kafka
    await place.produce(("k", "waits"))
    place.run(consumer)
    await until(lambda: (gauge(PENDING) or 0) > 0)
    await rises_twice(WENT_ROUND)
    await place.stop()
    assert gauge(PENDING) is None
    place.start()
    await until(lambda: gauge(PENDING) == 0)
    assert "waits" in await place.published("identified-events")


async def test_lag_is_measured_while_the_partition_is_ours_and_no_longer(place: Place) -> None:
    lags: list[float] = []

    def look(step: str, when: str, batch: Batch) -> None:
        if batch.work.partition == PARTITION and (lag := gauge(LAG)) is not None:
            lags.append(lag)

    await place.produce(*[("k", f"m{i}") for i in range(300)])
    consumer = place.consumer(batch_size=100)
    consumer.on_step = look
    place.run(consumer)
    await until(lambda: bool(lags) and lags[-1] == 0)
    assert max(lags) >= 100
    await rises_twice(READ)
    await place.stop()
    assert [gauge(name) for name in (WENT_ROUND, READ, LAG, PENDING)] == [None] * 4


async def test_cancelled_twice_it_still_ends_whole(place: Place) -> None:
    before = asyncio.all_tasks()
    await place.produce(("k", "once"))
    task = place.start()
    await place.until(1)
    task.cancel()
    await asyncio.sleep(0)  # it has begun to finish what it has in hand
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() - before == set()


@dataclass
class Ringing:
    """Takes its timers away when they fire."""

    spec = PROFILE

    async def read(self, connection: asyncpg.Connection, work: Work) -> list[Timer]:
        return list(work.timers)

    def decide(self, state: list[Timer], work: Work) -> list[Outgoing]:
        return []

    async def write(self, connection: asyncpg.Connection, state: list[Timer]) -> None:
        await timers.replace(connection, [(t.workspace, t.contact) for t in state], [])


@pytest.mark.parametrize(("seen", "outcome"), [(True, "fired"), (False, "forced")])
async def test_timers_that_only_the_hold_lets_go_are_counted_apart(
    place: Place, seen: bool, outcome: str
) -> None:
    def fired(outcome: str) -> float:
        labels = {"stage": "profile", "outcome": outcome}
        return REGISTRY.get_sample_value("tuvi_timers_fired_total", labels) or 0

    before = fired("fired") + fired("forced"), fired(outcome)
    due = datetime.now(UTC) - timedelta(minutes=1)
    await timers.replace(place.db, [], [Timer("default", "c", due)])
    hold = 3600.0 if seen else 0.2
    consumer = place.consumer(Ringing(), timer_hold=hold, timer_hold_transactional=hold)
    consumer.lowest = lambda _: datetime.now(UTC) if seen else None
    place.run(consumer)
    await until(lambda: fired("fired") + fired("forced") > before[0])
    assert fired(outcome) == before[1] + 1
