"""What every service with stages needs at run time, composed once in its main."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import asyncpg

from shared.clock import ProcessClock
from shared.contracts import topics
from shared.db.pool import create_pool
from shared.kafka.consumer import Connections, StageConsumer
from shared.kafka.loop import OnStep, unwatched
from shared.kafka.progress import ProgressBoard
from shared.kafka.reader import WholeTopic
from shared.kafka.settings import LoopSettings
from shared.kafka.stage import Stage
from shared.settings import ServiceSettings


@dataclass(slots=True)
class Runtime:
    """Pool, clock, number of partitions and the progress board of one process.

    `on_step` watches the loop's steps; the kill tests kill there.
    """

    settings: ServiceSettings
    schema: str
    pool: asyncpg.Pool
    clock: ProcessClock
    partitions: int
    board: ProgressBoard
    on_step: OnStep = unwatched

    @classmethod
    async def start(
        cls, settings: ServiceSettings, schema: str, on_step: OnStep = unwatched
    ) -> "Runtime":
        pool = await create_pool(settings.dsn, schema)
        clock = ProcessClock(pool)
        await clock.start()
        partitions = await pool.fetchval("SELECT partitions FROM installation.settings")
        board = ProgressBoard(partitions)
        return cls(settings, schema, pool, clock, partitions, board, on_step)

    def consume(self, stage: Stage[Any]) -> Coroutine[Any, Any, None]:
        """The stage's consumer, to be run as a task until cancelled."""
        consumer = StageConsumer(
            stage,
            Connections(
                self.settings.kafka,
                self.settings.dsn,
                self.schema,
                self.settings.session_timeout,
            ),
            self._loop_settings(),
            self.board.lowest,
            self.on_step,
        )
        return consumer.run()

    def background(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Tasks that run beside the stages."""
        progress = WholeTopic(
            self.settings.kafka,
            topics.PROGRESS,
            self.board.take,
            prefix=self.settings.topic_prefix,
        )
        return {"progress": progress.run(), "clock": self.clock.keep()}

    async def close(self) -> None:
        """After the tasks have ended."""
        await self.pool.close()

    def _loop_settings(self) -> LoopSettings:
        s = self.settings
        return LoopSettings(
            self.partitions,
            s.batch_size,
            s.progress_interval,
            s.timer_hold,
            s.timer_hold_transactional,
            s.topic_prefix,
            s.dead_letters_in_a_row,
        )
