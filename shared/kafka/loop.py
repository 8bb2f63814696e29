"""The one consumer loop: one partition, one transaction, the order of the steps is the correctness.

1. poll      what the partition has, decoded; what is due (timers held against progress)
2. fence     open the transaction, move the position if the partition is still ours
   read      the batch's contacts, locked in key order
3. decide    the pure domain, in memory, in partition order
4. write     state, then what is to be published into the outbox
   commit    all of it or nothing
5. publish   the outbox in order; repeats are known by their source header
6. note      the offsets in Kafka too, for displays only
7. assign / stop: see `take_over` and shared.kafka.consumer

Killed at any line, the next owner finds either nothing of the batch or all of it with the outbox.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from shared.db import ownership, timers
from shared.db.outbox import Row, append, forget, pending
from shared.db.pool import AWAY
from shared.errors import OwnershipLost, StageStopped
from shared.kafka import dead_letters, metrics, outgoing
from shared.kafka.batch import Batch, collect, halves
from shared.kafka.feed import Feed
from shared.kafka.gauges import Gauges
from shared.kafka.lookout import Lookout, Lowest
from shared.kafka.producer import OrderedProducer
from shared.kafka.records import Work
from shared.kafka.settings import LoopSettings
from shared.kafka.stage import Stage

log = structlog.get_logger()
OnStep = Callable[[str, str, Batch], None]

TAKE_OVER = ("take_over",)
POLL = ("poll",)
TRANSACTION = ("fence", "read", "decide", "write", "commit")
AFTERWARDS = ("publish", "note")
STEPS = (*TAKE_OVER, *POLL, *TRANSACTION, *AFTERWARDS)

REPEAT = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
NOT_THE_DATAS_FAULT = (
    OwnershipLost,
    StageStopped,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server's last word came between two answers
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.SyntaxOrAccessError,  # a schema of another version: wait for the right one
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    MemoryError,
    OSError,
)


def unwatched(step: str, when: str, batch: Batch) -> None:
    """Nobody watches the steps; tests do."""


class PartitionLoop:
    """Owns one partition of one stage as long as the fence lets it."""

    def __init__(
        self,
        stage: Stage[Any],
        feed: Feed,
        db: asyncpg.Connection,
        producer: OrderedProducer,
        settings: LoopSettings,
        lowest: Lowest,
        on_step: OnStep = unwatched,
    ) -> None:
        self._stage, self._feed, self._db = stage, feed, db
        self._producer, self._settings, self._on_step = producer, settings, on_step
        self._lookout = Lookout(stage.spec, feed, db, settings, lowest)
        self._gauges = Gauges(stage.spec.name, feed.partition)
        self._in_a_row = dead_letters.InARow(settings.dead_letters_in_a_row)
        self._published = 0
        self._transaction: Any = None

    async def take_over(self) -> None:
        """7. Assigned: raise the epoch, publish what is left, seek to the positions."""
        await self._run(TAKE_OVER, Batch(self._work(), {}, {}))

    async def _take_over(self, batch: Batch) -> None:
        self._owned = await ownership.take(self._db, self._stage.spec.name, self._feed.partition)
        left = await pending(self._db, self._stage.spec.name, self._feed.partition)
        await self._publish_rows(left)
        self._published = self._owned.batch
        self._feed.seek(self._owned.positions)
        batch.positions = dict(self._owned.positions)

    async def once(self) -> None:
        """One batch through all the steps."""
        batch = Batch(self._work(), dict(self._owned.positions), dict(self._owned.sources))
        await self._run(POLL, batch)
        self._gauges.went_round()
        self._gauges.read(self._feed.answered)
        if batch.positions != self._owned.positions or not batch.empty:
            await self._process(batch)
        self._gauges.lag(self._feed.lag(self._owned.positions))

    async def _run(self, steps: tuple[str, ...], batch: Batch) -> None:
        for step in steps:
            self._on_step(step, "before", batch)
            await getattr(self, f"_{step}")(batch)
            self._on_step(step, "after", batch)

    async def _process(self, batch: Batch) -> None:
        before = dict(self._owned.positions), dict(self._owned.sources)
        try:
            with metrics.BATCH_SECONDS.labels(self._stage.spec.name).time():
                await self._transact(batch)
        except NOT_THE_DATAS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001  whatever the data did: find the one message
            await self._bisect(batch, before, error)
            return
        await self._run(AFTERWARDS, batch)

    async def _transact(self, batch: Batch) -> None:
        for attempt in range(10):
            try:
                await self._run(TRANSACTION, batch)
            except BaseException as error:
                await self._roll_back()
                if not isinstance(error, REPEAT):
                    raise
                log.info("batch repeated", stage=self._stage.spec.name, reason=type(error).__name__)
                await asyncio.sleep(0.01 * 2**attempt)
            else:
                return
        raise StageStopped(f"{self._stage.spec.name}: ten serialisation failures in a row")

    async def _roll_back(self) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None and not self._db.is_closed():
            try:
                await asyncio.shield(transaction.rollback())
            except AWAY:
                await asyncio.shield(self._db.close(timeout=1))

    async def _bisect(
        self, batch: Batch, before: tuple[dict[str, int], dict[str, list[int]]], error: Exception
    ) -> None:
        """Not retried as a whole: halves, until one message or one timer is left, which is told."""
        work = batch.work
        if len(work.messages) + len(work.timers) > 1:
            for half in halves(batch, before):
                await self._process(half)
            return
        if not work.messages and not work.timers:
            raise StageStopped(f"{self._stage.spec.name}: {error!r} with an empty batch") from error
        reason = f"{type(error).__name__}: {error}"
        where = [f"{m.topic}/{m.partition}/{m.offset}" for m in work.messages]
        log.error("set aside", stage=self._stage.spec.name, what=where, reason=type(error).__name__)
        batch.dead += [(message, reason) for message in work.messages]
        batch.parked += work.timers
        work.messages, work.timers = [], []
        await self._process(batch)

    # 1 ------------------------------------------------------------------------------------------

    async def _poll(self, batch: Batch) -> None:
        limit, patience = self._settings.batch_size, self._lookout.patience
        for topic, records in (await self._feed.poll(limit, patience)).items():
            collect(batch, topic, records)
        await self._lookout.look(batch, self._owned.positions)

    # 2 ------------------------------------------------------------------------------------------

    async def _fence(self, batch: Batch) -> None:
        self._transaction = self._db.transaction()
        await self._transaction.start()
        batch.work.now = await ownership.fence(
            self._db, self._owned, batch.positions, batch.sources
        )
        await forget(self._db, self._owned, self._published)

    async def _read(self, batch: Batch) -> None:
        batch.state = await self._stage.read(self._db, batch.work)

    # 3 ------------------------------------------------------------------------------------------

    async def _decide(self, batch: Batch) -> None:
        batch.outgoing = self._stage.decide(batch.state, batch.work)

    # 4 ------------------------------------------------------------------------------------------

    async def _write(self, batch: Batch) -> None:
        await self._stage.write(self._db, batch.state)
        for timer in batch.parked:
            await timers.park(self._db, timer)
        packed = outgoing.pack(batch.outgoing)
        packed += [dead_letters.pack(self._stage.spec.name, *dead) for dead in batch.dead]
        for stage, at in batch.progress:
            packed.append(outgoing.pack_progress(stage, self._owned.partition, at))
        batch.rows = await append(self._db, self._owned, packed)

    async def _commit(self, batch: Batch) -> None:
        await self._transaction.commit()
        self._transaction = None
        self._owned.batch += 1
        self._owned.positions, self._owned.sources = batch.positions, batch.sources
        self._lookout.reported(batch)
        self._count(batch)

    # 5 and 6 ------------------------------------------------------------------------------------

    async def _publish(self, batch: Batch) -> None:
        await self._publish_rows(batch.rows)
        self._published = self._owned.batch

    async def _publish_rows(self, rows: list[Row]) -> None:
        """From the oldest row, again and again with a new producer, until Kafka has them all."""
        self._gauges.pending(some=bool(rows))
        where = self._settings.partitions, self._settings.topic_prefix
        for group in outgoing.address(self._stage.spec.name, self._feed.partition, rows, *where):
            while True:
                try:
                    await self._producer.publish(group)
                    break
                except KafkaError as error:
                    log.warning("publish", stage=self._stage.spec.name, reason=type(error).__name__)
                    self._gauges.went_round()
                    await asyncio.sleep(0.5)
        self._gauges.pending(some=False)

    async def _note(self, batch: Batch) -> None:
        if batch.work.messages or batch.dead:
            await self._feed.note(batch.positions)

    # ---------------------------------------------------------------------------------------------

    def _work(self) -> Work:
        return Work(self._feed.partition, self._settings.partitions, stage=self._stage.spec.name)

    def _count(self, batch: Batch) -> None:
        name, work = self._stage.spec.name, batch.work
        for message in work.messages:
            metrics.RECORDS.labels(name, message.topic, "ok").inc()
        if work.messages:
            self._in_a_row.good()
        for dead, reason in batch.dead:
            metrics.RECORDS.labels(name, dead.topic, "dead_letter").inc()
            self._in_a_row.bad(name, reason)
        for timer in batch.parked:
            self._in_a_row.bad(name, f"timer of {timer.contact}")
        for timer in work.timers:
            outcome = "forced" if self._lookout.forced(timer) else "fired"
            metrics.TIMERS.labels(name, outcome).inc()
            metrics.TIMER_LATENESS.labels(name).observe((work.time - timer.due_at).total_seconds())
        metrics.TIMERS.labels(name, "parked").inc(len(batch.parked))
