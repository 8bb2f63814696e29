"""What the API reads: runs and decisions, by keyset, never more than a page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from shared.contracts import Profile
from shared.errors import Problem

Row = dict[str, Any]


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where the next page begins: after (older than) this instant, then this run or `seq`."""

    at: datetime
    what: str

    def __str__(self) -> str:
        return f"{self.at.isoformat()}|{self.what}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises Problem 400."""
        at, _, what = text.partition("|")
        try:
            return cls(msgspec.convert(at, datetime, strict=True), what)
        except msgspec.ValidationError as error:
            raise Problem(
                400, "Not a page", "`after` is the `next` of the page before it, unchanged."
            ) from error


async def kin(pool: asyncpg.Pool, workspace: str, contact: str) -> list[str]:
    """The contact as it is now first, then all that were merged into it."""
    rows = await pool.fetch(
        """WITH RECURSIVE up AS (
               SELECT $2::text AS contact, 0 AS depth
               UNION ALL
               SELECT c.merged_into, depth + 1
               FROM up JOIN contacts c ON c.workspace = $1 AND c.contact = up.contact
               WHERE c.merged_into IS NOT NULL AND depth < 100
           ), down AS (
               (SELECT contact, 0 AS depth FROM up ORDER BY up.depth DESC LIMIT 1)
               UNION
               SELECT c.contact, depth + 1
               FROM down JOIN contacts c ON c.workspace = $1 AND c.merged_into = down.contact
               WHERE depth < 100
           )
           SELECT contact FROM down ORDER BY depth, contact""",
        workspace,
        contact,
    )
    return list(dict.fromkeys(row["contact"] for row in rows))


async def runs(
    pool: asyncpg.Pool,
    workspace: str,
    journey: str,
    *,
    contacts: Sequence[str] | None = None,
    status: str | None = None,
    after: Cursor | None = None,
    limit: int = 100,
) -> list[Row]:
    """The newest first."""
    rows = await pool.fetch(
        """SELECT run, contact, journey, version, status, step, held, key, entered_at,
                  exited_at, exit_reason, goal_at
           FROM runs
           WHERE workspace = $1 AND journey = $2
             AND ($3::text[] IS NULL OR contact = ANY($3)) AND ($4::text IS NULL OR status = $4)
             AND ($5::timestamptz IS NULL OR (entered_at, run) < ($5, $6))
           ORDER BY entered_at DESC, run DESC LIMIT $7""",
        workspace,
        journey,
        contacts,
        status,
        after.at if after else None,
        after.what if after else None,
        limit,
    )
    return [dict(row) for row in rows]


async def decisions(
    pool: asyncpg.Pool,
    workspace: str,
    contacts: Sequence[str],
    journey: str,
    *,
    after: Cursor | None = None,
    limit: int = 500,
) -> list[Row]:
    """The newest `limit` before `after`, given in the order in which they were taken."""
    rows = await pool.fetch(
        """SELECT seq, contact, journey, version, run, at, what, reason, step, input, detail
           FROM decisions
           WHERE workspace = $1 AND contact = ANY($2) AND journey = $3
             AND ($4::timestamptz IS NULL OR (at, seq) < ($4, $5))
           ORDER BY at DESC, seq DESC LIMIT $6""",
        workspace,
        contacts,
        journey,
        after.at if after else None,
        int(after.what) if after and after.what.isdigit() else 0,
        limit,
    )
    return [dict(row) for row in reversed(rows)]


async def waiting(
    pool: asyncpg.Pool, workspace: str, contacts: Sequence[str], journey: str
) -> list[Row]:
    """Candidates: trigger events whose quiet time is not over yet."""
    rows = await pool.fetch(
        """SELECT c->>'first_at' AS first_at, c->>'due_at' AS due_at, c->'keys'->>0 AS key
           FROM contacts, jsonb_array_elements(state->'candidates') AS c
           WHERE workspace = $1 AND contact = ANY($2) AND c->>'journey' = $3
           ORDER BY c->>'first_at'""",
        workspace,
        contacts,
        journey,
    )
    return [dict(row) for row in rows]


async def profile(pool: asyncpg.Pool, workspace: str, contact: str) -> Profile | None:
    """The contact as it is known here; None if nothing of it goes on or waits."""
    found = await pool.fetchval(
        "SELECT state->'profile' FROM contacts WHERE workspace = $1 AND contact = $2",
        workspace,
        contact,
    )
    return None if found is None else msgspec.convert(found, Profile)


def next_page(rows: Sequence[Row], limit: int, at: str, what: str) -> str | None:
    """The cursor after the oldest row of a full page; None when this was the last."""
    if len(rows) < limit:
        return None
    oldest = min(rows, key=lambda row: (row[at], row[what]))
    return str(Cursor(oldest[at], str(oldest[what])))
