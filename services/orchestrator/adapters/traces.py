"""What rows there are of some contacts that an event may have left: bounded, newest first."""

from collections.abc import Collection, Sequence

import asyncpg
import msgspec

from services.orchestrator.domain import Decision
from services.orchestrator.domain.reactions import Going, Happened, Traces, Waiting

MOST = 5000  # rows of a kind


async def traces(
    pool: asyncpg.Pool, workspace: str, happened: Sequence[Happened], journeys: Collection[str]
) -> Traces:
    """Of all these events; `journeys`: those whose runs matter."""
    contacts = sorted({contact for one in happened for contact in one.contacts})
    return Traces(
        await _decisions(pool, workspace, contacts, happened),
        await _waiting(pool, workspace, contacts),
        await _runs(pool, workspace, contacts, journeys),
    )


async def _decisions(
    pool: asyncpg.Pool, workspace: str, contacts: list[str], happened: Sequence[Happened]
) -> list[Decision]:
    """In the order in which they were taken."""
    rows = await pool.fetch(
        """SELECT workspace, contact, journey, version, run, at, what, reason, step, input, detail
           FROM decisions
           WHERE workspace = $1 AND contact = ANY($2::text[])
             AND (input = ANY($3::text[]) OR detail->>'started_by' = ANY($4::text[]))
           ORDER BY seq DESC LIMIT $5""",
        workspace,
        contacts,
        sorted({cause for one in happened for cause in one.causes}),
        [one.message_id for one in happened],
        MOST,
    )
    return [Decision(**row) for row in reversed(rows)]


async def _waiting(pool: asyncpg.Pool, workspace: str, contacts: list[str]) -> list[Waiting]:
    rows = await pool.fetch(
        """SELECT contact, c->>'journey' AS journey, c->>'message' AS message,
                  c->>'first_at' AS first_at, c->>'due_at' AS due_at
           FROM contacts, jsonb_array_elements(state->'candidates') AS c
           WHERE workspace = $1 AND contact = ANY($2::text[]) LIMIT $3""",
        workspace,
        contacts,
        MOST,
    )
    return [msgspec.convert(dict(row), Waiting) for row in rows]


async def _runs(
    pool: asyncpg.Pool, workspace: str, contacts: list[str], journeys: Collection[str]
) -> list[Going]:
    rows = await pool.fetch(
        """SELECT contact, journey, run, entered_at, exited_at FROM runs
           WHERE workspace = $1 AND contact = ANY($2::text[]) AND journey = ANY($3::text[])
           ORDER BY entered_at DESC LIMIT $4""",
        workspace,
        contacts,
        list(journeys),
        MOST,
    )
    return [Going(**row) for row in rows]
