"""The table `feed_marks`, and what it lets one ask of `messages`."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg

from services.sender.adapters.rows import COLUMNS, row_of
from services.sender.domain.message import Key, Row
from services.sender.domain.unheard import AROUND, Mark, Neighbours

SAMPLE = 100  # of the calls before it, and of those after it


async def read(connection: asyncpg.Pool | asyncpg.Connection) -> dict[int, Mark]:
    """By partition."""
    rows = await connection.fetch("SELECT partition, fence, until FROM feed_marks")
    return {row["partition"]: Mark(row["fence"], row["until"]) for row in rows}


async def write(connection: asyncpg.Connection, partition: int, mark: Mark) -> None:
    await connection.execute(
        """INSERT INTO feed_marks (partition, fence, until) VALUES ($1, $2, $3)
           ON CONFLICT (partition) DO UPDATE
               SET fence = excluded.fence, until = excluded.until""",
        partition,
        *mark,
    )


async def ambiguous(
    connection: asyncpg.Connection, after: Key, started_by: datetime, limit: int
) -> dict[Key, Row]:
    """Held ones too, those behind `after` in the order of their keys; locked."""
    records = await connection.fetch(
        f"""SELECT {COLUMNS} FROM messages m
            WHERE status = 'ambiguous' AND started_at <= $1 AND (workspace, message) > ($2, $3)
            ORDER BY workspace, message LIMIT $4 FOR UPDATE SKIP LOCKED""",
        started_by,
        *after,
        limit,
    )
    return {row.key: row for row in map(row_of, records)}


async def neighbours(
    connection: asyncpg.Connection, rows: Mapping[Key, Row]
) -> dict[Key, Neighbours]:
    """The nearest calls of the same workspace that SES took, a sample before and one after."""
    records = await connection.fetch(
        f"""SELECT k.workspace, k.message, n.calls, n.told
            FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS k(workspace, message, at)
            CROSS JOIN LATERAL (
                SELECT count(*) AS calls, count(*) FILTER (WHERE x.told) AS told FROM (
                    (SELECT m.told FROM messages m
                     WHERE m.workspace = k.workspace AND m.status = 'sent'
                       AND m.started_at BETWEEN k.at - $4::interval AND k.at
                     ORDER BY m.started_at DESC LIMIT {SAMPLE})
                    UNION ALL
                    (SELECT m.told FROM messages m
                     WHERE m.workspace = k.workspace AND m.status = 'sent'
                       AND m.started_at > k.at AND m.started_at <= k.at + $4::interval
                     ORDER BY m.started_at LIMIT {SAMPLE})) x) n""",
        [key[0] for key in rows],
        [key[1] for key in rows],
        [row.started_at for row in rows.values()],
        AROUND,
    )
    return {(r["workspace"], r["message"]): Neighbours(r["calls"], r["told"]) for r in records}
