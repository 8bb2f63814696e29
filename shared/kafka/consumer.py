"""A stage in one process: member of the Kafka group, one PartitionLoop per owned partition.

The group only decides who tries; the fence in PostgreSQL decides who owns (aiokafka rejoins in
the background, and a stopped process does not know that it was replaced).
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from shared.db.pool import connect
from shared.errors import OwnershipLost, StageStopped
from shared.kafka import metrics
from shared.kafka.feed import Feed
from shared.kafka.gauges import Gauges
from shared.kafka.lookout import Lowest
from shared.kafka.loop import OnStep, PartitionLoop, unwatched
from shared.kafka.producer import OrderedProducer
from shared.kafka.settings import LoopSettings
from shared.kafka.stage import Stage
from shared.tasks import to_its_end

log = structlog.get_logger()
FINISH_SECONDS = 10.0  # for the batch in hand when partitions are taken away
AGAIN_SECONDS = 1.0  # before trying again after an error that is not the data's fault
AWAY = (
    KafkaError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    OSError,
)


@dataclass(slots=True)
class Connections:
    """Where a stage's loop reads and writes."""

    kafka: str
    dsn: str
    schema: str
    session_timeout: float = 10.0


@dataclass
class StageConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Runs one stage on whatever partitions the group gives this process."""

    stage: Stage[Any]
    where: Connections
    settings: LoopSettings
    lowest: Lowest = lambda _: None  # the progress board's; nobody else has spoken
    on_step: OnStep = unwatched
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _leaving: dict[int, asyncio.Event] = field(default_factory=dict)
    _failed: asyncio.Future[None] | None = None
    _ending: bool = False

    async def run(self) -> None:
        """Until cancelled; then the batches in hand are finished. Raises StageStopped."""
        self._failed = asyncio.get_running_loop().create_future()
        self._consumer = consumer = self._make_consumer()
        names = [self.settings.topic_prefix + t.name for t in self.stage.spec.inputs]
        try:
            await consumer.start()
            consumer.subscribe(names, listener=self)
            await self._failed
        finally:
            with suppress(asyncio.CancelledError):  # what brought us here is raised
                await to_its_end(self._leave(consumer))

    async def _leave(self, consumer: AIOKafkaConsumer) -> None:
        self._ending = True  # the group may still hand out partitions while we leave it
        try:
            await self._stop_all()
        finally:
            await consumer.stop()

    def _make_consumer(self) -> AIOKafkaConsumer:
        session = int(self.where.session_timeout * 1000)
        return AIOKafkaConsumer(
            bootstrap_servers=self.where.kafka,
            group_id=f"{self.settings.topic_prefix}tuvi-{self.stage.spec.name}",
            enable_auto_commit=False,
            auto_offset_reset="none",
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=session,
            rebalance_timeout_ms=max(session, int(FINISH_SECONDS * 3000)),
            heartbeat_interval_ms=max(300, session // 4),
            max_partition_fetch_bytes=4_000_000,
            metadata_max_age_ms=60_000,
        )

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        if self._ending:
            return
        metrics.REBALANCES.labels(self.stage.spec.name).inc()
        for tp in assigned:  # nothing is fetched before the loop has read its position
            self._consumer.seek(tp, 0)
            self._consumer.pause(tp)
        for partition in {tp.partition for tp in assigned}:
            self._leaving[partition] = asyncio.Event()
            self._tasks[partition] = asyncio.create_task(
                self._keep(partition), name=f"{self.stage.spec.name}/{partition}"
            )

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        if revoked:
            await self._stop_all()

    async def _stop_all(self) -> None:
        """Finish or drop the batches in hand, never both."""
        for event in self._leaving.values():
            event.set()
        tasks = list(self._tasks.values())
        self._tasks, self._leaving = {}, {}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _keep(self, partition: int) -> None:
        gauges = Gauges(self.stage.spec.name, partition)
        gauges.taken()
        try:
            await self._try_again(partition, self._leaving[partition], gauges)
        finally:
            gauges.given_up()

    async def _try_again(self, partition: int, leaving: asyncio.Event, gauges: Gauges) -> None:
        """Take over and go round, again after errors that are not the data's fault."""
        where = {"stage": gauges.stage, "partition": partition}
        while not leaving.is_set():
            gauges.went_round()
            try:
                await self._own(partition, leaving)
            except StageStopped as stopped:
                log.exception("stage stopped", stage=self.stage.spec.name)
                if self._failed is not None and not self._failed.done():
                    self._failed.set_exception(stopped)
                return
            except OwnershipLost:
                log.warning("owned by another", **where)
            except AWAY as error:
                log.warning("partition waits", **where, reason=type(error).__name__)
            except Exception:
                log.exception("partition restarted", **where)
            await _wait(leaving, AGAIN_SECONDS)

    async def _own(self, partition: int, leaving: asyncio.Event) -> None:
        db: asyncpg.Connection = await connect(self.where.dsn, self.where.schema)
        producer = OrderedProducer(self.where.kafka)
        feed = Feed(self._consumer, self.stage.spec.inputs, partition, self.settings.topic_prefix)
        loop = PartitionLoop(
            self.stage, feed, db, producer, self.settings, self.lowest, self.on_step
        )
        try:
            await loop.take_over()
            while not leaving.is_set():
                await loop.once()
        finally:
            try:
                await producer.close()
            finally:
                if not db.is_closed():
                    await db.close(timeout=5)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
