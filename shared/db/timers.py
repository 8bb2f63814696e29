"""Timers are rows: when the next thing is due for a contact (table: shared.db.schema.TIMERS)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared.contracts.keys import contact_key
from shared.kafka.partitioner import bucket_of


@dataclass(frozen=True, slots=True)
class Timer:
    """`contact` has something due at `due_at` (business time)."""

    workspace: str
    contact: str
    due_at: datetime
    transactional: bool = False


async def due(
    connection: asyncpg.Connection,
    partition: int,
    partitions: int,
    until: datetime | None,
    limit: int,
    *,
    transactional_until: datetime | None = None,
) -> list[Timer]:
    """The oldest timers of this partition that are due by `until`, at most `limit`."""
    rows = await connection.fetch(
        """SELECT workspace, contact, transactional, due_at FROM timers
           WHERE due_at <= greatest($3::timestamptz, $4::timestamptz) AND bucket & ($2 - 1) = $1
             AND (due_at <= $3 OR transactional)
           ORDER BY due_at LIMIT $5""",
        partition,
        partitions,
        until,
        transactional_until or until,
        limit,
    )
    return [Timer(r["workspace"], r["contact"], r["due_at"], r["transactional"]) for r in rows]


async def replace(
    connection: asyncpg.Connection, contacts: Iterable[tuple[str, str]], timers: Iterable[Timer]
) -> None:
    """All timers of these (workspace, contact) become exactly `timers`, in one statement each."""
    pairs = list(contacts)
    kept = list(timers)
    await connection.execute(
        """DELETE FROM timers t USING unnest($1::text[], $2::text[]) AS c(workspace, contact)
           WHERE t.workspace = c.workspace AND t.contact = c.contact""",
        [p[0] for p in pairs],
        [p[1] for p in pairs],
    )
    if kept:
        await connection.execute(
            """INSERT INTO timers (workspace, contact, transactional, due_at, bucket)
               SELECT * FROM unnest($1::text[], $2::text[], $3::bool[], $4::timestamptz[],
                                    $5::smallint[])""",
            [t.workspace for t in kept],
            [t.contact for t in kept],
            [t.transactional for t in kept],
            [t.due_at for t in kept],
            [bucket_of(contact_key(t.workspace, t.contact)) for t in kept],
        )


async def park(connection: asyncpg.Connection, timer: Timer) -> None:
    """Take a timer that breaks its batch out of the way; its row stays, to be looked at."""
    await connection.execute(
        """UPDATE timers SET due_at = 'infinity'
           WHERE workspace = $1 AND contact = $2 AND transactional = $3""",
        timer.workspace,
        timer.contact,
        timer.transactional,
    )
