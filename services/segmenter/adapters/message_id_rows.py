"""The window of clients' messageIds in PostgreSQL (table message_ids; domain: message_window)."""

from datetime import datetime

import asyncpg

from services.segmenter.domain.message_window import (
    Arrival,
    asked,
    day_of,
    emptied,
    first_of_each,
    kept_day,
    locks,
    slot_of,
)


async def take(
    connection: asyncpg.Connection, received: list[tuple[bytes, datetime]], now: datetime
) -> list[bool]:
    """Note the messageIds (hash, received_at); for each, in order: was it new?

    Inside the batch's transaction. Waits for another batch that notes the same id at this moment.
    """
    if not received:
        return []
    today = day_of(now)
    days = [min(day_of(at), today) for _, at in received]
    newest, to_empty = await _turn_to(connection, max(days))
    arrivals = [
        Arrival(id_, kept_day(day, newest)) for (id_, _), day in zip(received, days, strict=True)
    ]
    await _lock(connection, {a.day for a in arrivals}, newest, to_empty)
    new = first_of_each(arrivals)
    candidates = {a for a, is_new in zip(arrivals, new, strict=True) if is_new}
    taken: set[Arrival] = set()
    for day in sorted({a.day for a in candidates}):
        taken |= await _take_day(connection, day, candidates, newest)
    return [is_new and a in taken for a, is_new in zip(arrivals, new, strict=True)]


async def _turn_to(connection: asyncpg.Connection, day: int) -> tuple[int, set[int]]:
    """The newest day, and the slots to empty if `day` is the first event of it."""
    newest: int = await connection.fetchval("SELECT newest FROM message_ring")
    if day <= newest:
        return newest, set()
    before: int = await connection.fetchval("SELECT newest FROM message_ring FOR UPDATE")
    if day <= before:  # somebody else saw it first
        return before, set()
    await connection.execute("UPDATE message_ring SET newest = $1", day)
    return day, emptied(before, day)


async def _lock(
    connection: asyncpg.Connection, days: set[int], newest: int, to_empty: set[int]
) -> None:
    wanted = locks(days, newest, to_empty).items()
    statements = [f"LOCK TABLE message_ids_{slot} IN {mode} MODE" for slot, mode in wanted]
    statements += [f"TRUNCATE message_ids_{slot}" for slot in sorted(to_empty)]
    await connection.execute("; ".join(statements))


async def _take_day(
    connection: asyncpg.Connection, day: int, candidates: set[Arrival], newest: int
) -> set[Arrival]:
    """Those that no other day knows and that nobody has put into this day's slot."""
    ids = sorted(a.id for a in candidates if a.day == day)
    others = ", ".join(str(slot) for slot in sorted(asked(day, newest)))
    if others:  # literals, so that the other slots are not even planned
        known = await connection.fetch(
            f"SELECT id FROM message_ids WHERE slot IN ({others}) AND id = ANY($1::bytea[])", ids
        )
        seen = {r["id"] for r in known}
        ids = [id_ for id_ in ids if id_ not in seen]
    rows = await connection.fetch(
        f"""INSERT INTO message_ids_{slot_of(day)} (slot, id)
            SELECT {slot_of(day)}, id FROM unnest($1::bytea[]) AS m(id) ORDER BY id
            ON CONFLICT DO NOTHING RETURNING id""",
        ids,
    )
    return {Arrival(r["id"], day) for r in rows}
