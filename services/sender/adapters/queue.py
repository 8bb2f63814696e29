"""What dispatchers take from `messages`: lanes, due messages, what was left lying."""

from collections.abc import Iterable
from datetime import datetime

import asyncpg

from services.sender.adapters.rows import COLUMNS, row_of
from services.sender.domain.lanes import Lane
from services.sender.domain.message import Key, Row


async def lanes(connection: asyncpg.Connection) -> list[Lane]:
    """Those with queued messages: one step of the index a lane, however long they are."""
    rows = await connection.fetch(
        """WITH RECURSIVE lane AS (
               (SELECT transactional, workspace, journey FROM messages WHERE status = 'queued'
                ORDER BY transactional, workspace, journey LIMIT 1)
             UNION ALL
               SELECT n.* FROM lane l CROSS JOIN LATERAL (
                   SELECT m.transactional, m.workspace, m.journey FROM messages m
                   WHERE m.status = 'queued' AND (m.transactional, m.workspace, m.journey)
                         > (l.transactional, l.workspace, l.journey)
                   ORDER BY m.transactional, m.workspace, m.journey LIMIT 1) n)
           SELECT * FROM lane"""
    )
    return [Lane(*row) for row in rows]


async def due(
    connection: asyncpg.Connection,
    wanted: Iterable[Lane],
    each: int,
    now: datetime,
    wall: datetime,
) -> dict[Key, Row]:
    """Up to `each` of every lane in due order, locked; whose contact's version is known."""
    chosen = list(wanted)
    records = await connection.fetch(
        f"""SELECT {COLUMNS}
            FROM unnest($1::boolean[], $2::text[], $3::text[]) WITH ORDINALITY
                 AS l(transactional, workspace, journey, turn)
            CROSS JOIN LATERAL (
                SELECT * FROM messages q
                WHERE q.status = 'queued' AND q.transactional = l.transactional
                  AND q.workspace = l.workspace AND q.journey = l.journey
                  AND q.due_at <= $4 AND (q.not_before IS NULL OR q.not_before <= $5)
                  AND EXISTS (SELECT FROM contacts c
                              WHERE c.workspace = q.workspace AND c.contact = q.contact
                                AND c.version >= q.contact_version)
                ORDER BY q.due_at LIMIT $6 FOR UPDATE OF q SKIP LOCKED) m
            ORDER BY l.turn""",
        [lane.transactional for lane in chosen],
        [lane.workspace for lane in chosen],
        [lane.journey for lane in chosen],
        now,
        wall,
        each,
    )
    return {row.key: row for row in map(row_of, records)}


async def left_lying(connection: asyncpg.Connection, wall: datetime, limit: int) -> dict[Key, Row]:
    """Claimed or being sent by somebody whose lease is over; locked."""
    records = await connection.fetch(
        f"""SELECT {COLUMNS} FROM messages m
            WHERE status IN ('claimed', 'sending') AND lease_until <= $1
            ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED""",
        wall,
        limit,
    )
    return {row.key: row for row in map(row_of, records)}


async def ambiguous(
    connection: asyncpg.Connection, started_before: datetime, limit: int
) -> dict[Key, Row]:
    """Ambiguous, and not held yet; locked."""
    records = await connection.fetch(
        f"""SELECT {COLUMNS} FROM messages m
            WHERE status = 'ambiguous' AND NOT held AND started_at <= $1
            ORDER BY started_at LIMIT $2 FOR UPDATE SKIP LOCKED""",
        started_before,
        limit,
    )
    return {row.key: row for row in map(row_of, records)}
