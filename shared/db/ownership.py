"""The fence: who owns a stage's partition, and how far it is, in one row.

Being assigned raises `epoch`; every commit raises `batch` and moves the positions, on condition
that epoch and batch are still ours. No row touched: somebody else owns it. After a COMMIT whose
answer was lost, this row tells what happened.
"""

from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from shared.clock import NOW
from shared.db.life import LIFE
from shared.errors import OwnershipLost, StageStopped


@dataclass(slots=True)
class Ownership:
    """The row as this process knows it."""

    stage: str
    partition: int
    lineage: int
    epoch: int
    batch: int
    positions: dict[str, int]
    sources: dict[str, list[int]] = field(default_factory=dict)


async def take(connection: asyncpg.Connection, stage: str, partition: int) -> Ownership:
    """Become the owner. A restored database (other system or timeline) starts a new lineage."""
    row = await connection.fetchrow(
        f"""UPDATE ownership o SET epoch = epoch + 1,
               lineage = CASE WHEN (o.system_id, o.timeline) = (s.system_id, s.timeline)
                              THEN o.lineage ELSE o.lineage + 1 END,
               system_id = s.system_id, timeline = s.timeline
           FROM {LIFE} AS s
           WHERE stage = $1 AND partition = $2
           RETURNING lineage, epoch, batch, positions, sources""",
        stage,
        partition,
    )
    if row is None:
        raise StageStopped(f"no position for {stage}/{partition}: run `tuvi migrate` first")
    return Ownership(
        stage,
        partition,
        row["lineage"],
        row["epoch"],
        row["batch"],
        dict(row["positions"]),
        dict(row["sources"]),
    )


async def fence(
    connection: asyncpg.Connection,
    owned: Ownership,
    positions: dict[str, int],
    sources: dict[str, list[int]],
) -> datetime:
    """First statement of every batch; gives business time. Raises OwnershipLost."""
    now: datetime | None = await connection.fetchval(
        f"""UPDATE ownership SET batch = batch + 1, positions = $5, sources = $6
            WHERE stage = $1 AND partition = $2 AND epoch = $3 AND batch = $4
            RETURNING {NOW}""",
        owned.stage,
        owned.partition,
        owned.epoch,
        owned.batch,
        positions,
        sources,
    )
    if now is None:
        raise OwnershipLost(f"{owned.stage}/{owned.partition}")
    return now
