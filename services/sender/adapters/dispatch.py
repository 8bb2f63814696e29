"""The row `dispatch`: whether anything is sent at all, and the bucket that all replicas share."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.sender.domain.rate import Bucket
from shared.db.life import LIFE

RESTORED = "the database was restored or failed over"


@dataclass(frozen=True, slots=True)
class Gate:
    """`off_because` is empty while mails are sent."""

    enabled: bool
    off_because: str = ""


async def gate(connection: asyncpg.Connection) -> Gate:
    """Switches dispatch off when the database is not the one it was when last switched on."""
    row = await connection.fetchrow(
        f"""SELECT enabled, off_because,
                   (d.system_id, d.timeline) = (l.system_id, l.timeline) AS same
            FROM dispatch d, {LIFE} AS l"""
    )
    if row["enabled"] and not row["same"]:
        await switch_off(connection, RESTORED)
        return Gate(enabled=False, off_because=RESTORED)
    return Gate(row["enabled"], row["off_because"])


async def shut(connection: asyncpg.Connection, wall: datetime) -> str:
    """Why nothing is sent now, by anybody; empty while mails go out."""
    found = await gate(connection)
    if not found.enabled:
        return f"dispatch is off: {found.off_because}"
    blocked: str | None = await connection.fetchval(
        "SELECT blocked_for FROM dispatch WHERE blocked_until > $1", wall
    )
    return f"SES takes nothing: {blocked}" if blocked else ""


async def switch_off(connection: asyncpg.Connection, reason: str) -> None:
    await connection.execute("UPDATE dispatch SET enabled = false, off_because = $1", reason)


async def resume(connection: asyncpg.Connection) -> None:
    """From now on this database is the one that is known."""
    await connection.execute(
        f"""UPDATE dispatch SET enabled = true, off_because = '',
                system_id = l.system_id, timeline = l.timeline
            FROM {LIFE} AS l"""
    )


async def bucket(connection: asyncpg.Connection) -> Bucket:
    """Locked until the transaction's end."""
    row = await connection.fetchrow(
        """SELECT rate_limit, factor, tokens, filled_at, blocked_until, blocked_for
           FROM dispatch FOR UPDATE"""
    )
    return Bucket(
        limit=row["rate_limit"],
        factor=row["factor"],
        tokens=row["tokens"],
        filled_at=row["filled_at"],
        blocked_until=row["blocked_until"],
        blocked_for=row["blocked_for"],
    )


async def save_bucket(connection: asyncpg.Connection, changed: Bucket) -> None:
    await connection.execute(
        """UPDATE dispatch SET rate_limit = $1, factor = $2, tokens = $3, filled_at = $4,
               blocked_until = $5, blocked_for = $6""",
        changed.limit,
        changed.factor,
        changed.tokens,
        changed.filled_at,
        changed.blocked_until,
        changed.blocked_for,
    )
