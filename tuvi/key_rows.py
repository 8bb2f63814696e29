"""The rows of keys, for people: without what would let anybody in."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg

from shared.keys import VISIBLE

T = TypeVar("T")
Work = Callable[[asyncpg.Connection], Awaitable[T]]


async def all_of(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Oldest first."""
    rows = await connection.fetch(
        """SELECT prefix, name, workspace, scope, per_second, origins,
                  created_at AS created, last_used_at AS last_used, revoked_at AS revoked
           FROM installation.keys ORDER BY created_at, prefix"""
    )
    return [dict(row) for row in rows]


async def workspaces(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch("SELECT workspace FROM installation.workspaces ORDER BY 1")
    return [row["workspace"] for row in rows]


async def beginning(connection: asyncpg.Connection, said: str) -> list[asyncpg.Record]:
    """Keys whose visible beginning begins so; of a whole key, its own."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """SELECT prefix, revoked_at FROM installation.keys
           WHERE starts_with(prefix, $1) ORDER BY prefix""",
        said[:VISIBLE],
    )
    return rows


async def allow(connection: asyncpg.Connection, prefix: str, origins: Sequence[str]) -> list[str]:
    """All of the key's origins, with these."""
    found: list[str] = await connection.fetchval(
        """UPDATE installation.keys
           SET origins = ARRAY(SELECT DISTINCT unnest(origins || $2::text[]) ORDER BY 1)
           WHERE prefix = $1 RETURNING origins""",
        prefix,
        list(origins),
    )
    return found


async def revoke(connection: asyncpg.Connection, prefix: str) -> None:
    await connection.execute(
        "UPDATE installation.keys SET revoked_at = now() WHERE prefix = $1 AND revoked_at IS NULL",
        prefix,
    )
