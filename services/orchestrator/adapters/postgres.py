"""The stage's rows: contacts' states, runs, decisions. Set-based, one statement a table."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import asyncpg
import msgspec

from services.orchestrator.adapters.projection import RunRow
from services.orchestrator.domain import ContactState, Decision
from shared.contracts.codec import encode
from shared.contracts.keys import contact_key
from shared.kafka.partitioner import bucket_of
from shared.kafka.records import Work

_states = msgspec.json.Decoder(ContactState, float_hook=Decimal)


class ContactKey(NamedTuple):
    """One contact; sorts in the order in which rows are locked."""

    workspace: str
    contact: str

    @property
    def bucket(self) -> int:
        return bucket_of(contact_key(*self))


def _columns(keys: Sequence[ContactKey]) -> tuple[list[str], list[str]]:
    return [k.workspace for k in keys], [k.contact for k in keys]


async def read_states(
    connection: asyncpg.Connection, keys: Sequence[ContactKey]
) -> dict[ContactKey, ContactState]:
    """What is stored of these, locked in key order. The state's text is decoded once, as typed."""
    rows = await connection.fetch(
        """SELECT c.workspace, c.contact, c.state::text AS state
           FROM contacts c JOIN unnest($1::text[], $2::text[]) AS k(workspace, contact)
             USING (workspace, contact)
           ORDER BY c.workspace, c.contact FOR UPDATE OF c""",
        *_columns(keys),
    )
    return {ContactKey(r["workspace"], r["contact"]): _states.decode(r["state"]) for r in rows}


async def write_states(
    connection: asyncpg.Connection, states: dict[ContactKey, ContactState]
) -> None:
    """Upsert; a state says itself where its contact was merged into."""
    keys = sorted(states)
    await connection.execute(
        """INSERT INTO contacts AS c (workspace, contact, bucket, merged_into, state)
           SELECT workspace, contact, bucket, nullif(merged_into, ''), state::jsonb
           FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::text[])
             AS n(workspace, contact, bucket, merged_into, state)
           ON CONFLICT (workspace, contact) DO UPDATE
           SET merged_into = excluded.merged_into, state = excluded.state""",
        *_columns(keys),
        [k.bucket for k in keys],
        [states[k].merged_into for k in keys],
        [encode(states[k]).decode() for k in keys],
    )


async def delete_states(connection: asyncpg.Connection, keys: Sequence[ContactKey]) -> None:
    """Contacts with nothing left to remember."""
    await connection.execute(
        """DELETE FROM contacts c USING unnest($1::text[], $2::text[]) AS k(workspace, contact)
           WHERE c.workspace = k.workspace AND c.contact = k.contact""",
        *_columns(keys),
    )


async def write_runs(
    connection: asyncpg.Connection, rows: dict[tuple[ContactKey, str], RunRow | None]
) -> None:
    """Upsert; a row that is None has moved away with its contact."""
    gone = sorted(key for key, row in rows.items() if row is None)
    if gone:
        await connection.execute(
            """DELETE FROM runs r
               USING unnest($1::text[], $2::text[], $3::text[]) AS k(workspace, contact, run)
               WHERE r.workspace = k.workspace AND r.contact = k.contact AND r.run = k.run""",
            *_columns([key for key, _ in gone]),
            [run for _, run in gone],
        )
    kept = [(key, row) for (key, run) in sorted(rows) if (row := rows[key, run]) is not None]
    if not kept:
        return
    await connection.execute(
        """INSERT INTO runs AS r (workspace, contact, bucket, run, journey, version, status, step,
                                  held, key, entered_at, exited_at, exit_reason, goal_at)
           SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::text[],
                                $6::int[], $7::text[], $8::text[], $9::bool[], $10::text[],
                                $11::timestamptz[], $12::timestamptz[], $13::text[],
                                $14::timestamptz[])
           ON CONFLICT (workspace, contact, run) DO UPDATE
           SET version = excluded.version, status = excluded.status, step = excluded.step,
               held = excluded.held, key = excluded.key, exited_at = excluded.exited_at,
               exit_reason = excluded.exit_reason, goal_at = excluded.goal_at""",
        *_columns([key for key, _ in kept]),
        [key.bucket for key, _ in kept],
        [row.run for _, row in kept],
        [row.journey for _, row in kept],
        [row.version for _, row in kept],
        [row.status for _, row in kept],
        [row.step for _, row in kept],
        [row.held for _, row in kept],
        [row.key for _, row in kept],
        [row.entered_at for _, row in kept],
        [row.exited_at for _, row in kept],
        [row.exit_reason for _, row in kept],
        [row.goal_at for _, row in kept],
    )


async def append_decisions(connection: asyncpg.Connection, decisions: Sequence[Decision]) -> None:
    """In the order in which they were taken; `seq` follows it."""
    await connection.execute(
        """INSERT INTO decisions (workspace, contact, bucket, journey, version, run, at, what,
                                  reason, step, input, detail)
           SELECT workspace, contact, bucket, journey, version, run, at, what, reason, step, input,
                  detail::jsonb
           FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::int[], $6::text[],
                       $7::timestamptz[], $8::text[], $9::text[], $10::text[], $11::text[],
                       $12::text[]) WITH ORDINALITY
             AS d(workspace, contact, bucket, journey, version, run, at, what, reason, step, input,
                  detail, place)
           ORDER BY place""",
        *_columns(keys := [ContactKey(d.workspace, d.contact) for d in decisions]),
        [key.bucket for key in keys],
        [d.journey for d in decisions],
        [d.version for d in decisions],
        [d.run for d in decisions],
        [d.at for d in decisions],
        [d.what for d in decisions],
        [d.reason for d in decisions],
        [d.step for d in decisions],
        [d.input for d in decisions],
        [encode(d.detail).decode() for d in decisions],
    )


async def wake_held(
    connection: asyncpg.Connection, work: Work, in_force: Sequence[tuple[str, str, int]]
) -> None:
    """Runs that were held are due now, if their (workspace, journey, version) is in force again.

    Only this partition's, so that nobody but the owner of a contact touches its timers.
    """
    await connection.execute(
        """UPDATE timers t SET due_at = $3
           FROM unnest($4::text[], $5::text[], $6::int[]) AS j(workspace, journey, version)
           JOIN runs r USING (workspace, journey, version)
           WHERE r.held AND r.bucket & ($2 - 1) = $1
             AND t.workspace = r.workspace AND t.contact = r.contact
             AND t.due_at > $3 AND t.due_at < 'infinity'  -- parked ones stay where they are""",
        work.partition,
        work.partitions,
        work.time,
        [workspace for workspace, _, _ in in_force],
        [journey for _, journey, _ in in_force],
        [version for _, _, version in in_force],
    )
