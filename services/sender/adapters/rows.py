"""The table `messages`: read locked in key order, written set-based."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from services.sender.adapters import announcements
from services.sender.domain.ledger import transition
from services.sender.domain.message import Announce, Input, Key, Row, Status
from shared.contracts import Send, encode
from shared.contracts.keys import contact_key
from shared.kafka.partitioner import bucket_of

MOST = 5000  # rows of one question
FIELDS = Row.__struct_fields__
COLUMNS = ", ".join(f"m.{name}" for name in FIELDS)
_TYPES = {
    "version": "integer",
    "contact_version": "integer",
    "attempts": "integer",
    "ambiguities": "integer",
    "transactional": "boolean",
    "held": "boolean",
    "told": "boolean",
    **dict.fromkeys(
        ("due_at", "not_after", "lease_until", "not_before", "started_at", "sent_at"),
        "timestamptz",
    ),
}
_STATE = "status reason due_at address claimed_by lease_until not_before attempts started_at"
_CHANGING = [
    *_STATE.split(" "),
    "detail",
    "ambiguities",
    "sent_at",
    "provider_id",
    "withdraw",
    "held",
    "told",
]
_send = msgspec.json.Decoder(Send)


def _arrays(names: Iterable[str]) -> str:
    return ", ".join(f"${i}::{_TYPES.get(n, 'text')}[]" for i, n in enumerate(names, 1))


def _cast(name: str) -> str:
    return f"x.{name}::message_status" if name == "status" else f"x.{name}"


_INSERT = f"""
    INSERT INTO messages ({", ".join(FIELDS)}, bucket)
    SELECT {", ".join(map(_cast, FIELDS))}, x.bucket
    FROM unnest({_arrays(FIELDS)}, ${len(FIELDS) + 1}::smallint[])
         AS x({", ".join(FIELDS)}, bucket)
    ORDER BY x.workspace, x.message
    ON CONFLICT DO NOTHING"""
_UPDATED = ("workspace", "message", *_CHANGING)
_UPDATE = f"""
    UPDATE messages m SET {", ".join(f"{n} = {_cast(n)}" for n in _CHANGING)}
    FROM unnest({_arrays(_UPDATED)}) AS x({", ".join(_UPDATED)})
    WHERE m.workspace = x.workspace AND m.message = x.message"""


def row_of(record: Mapping[str, Any]) -> Row:
    """A record that has all of COLUMNS."""
    values = {name: record[name] for name in FIELDS}
    values["status"] = Status(values["status"])
    return Row(**values)


async def read(connection: asyncpg.Connection, keys: Iterable[Key]) -> dict[Key, Row]:
    """Those that are there, locked until the transaction's end, in key order."""
    wanted = sorted(set(keys))
    records = await connection.fetch(
        f"""SELECT {COLUMNS} FROM messages m
            JOIN unnest($1::text[], $2::text[]) AS k(workspace, message)
              ON m.workspace = k.workspace AND m.message = k.message
            ORDER BY m.workspace, m.message FOR UPDATE OF m""",
        [k[0] for k in wanted],
        [k[1] for k in wanted],
    )
    return {row.key: row for row in map(row_of, records)}


async def of_runs(
    connection: asyncpg.Connection, workspace: str, contacts: Iterable[str], runs: Iterable[str]
) -> list[Row]:
    """The mails of these runs of these contacts, in the order in which they were due."""
    records = await connection.fetch(
        f"""SELECT {COLUMNS} FROM messages m
            WHERE workspace = $1 AND contact = ANY($2::text[]) AND run = ANY($3::text[])
            ORDER BY due_at NULLS LAST, message LIMIT $4""",
        workspace,
        list(contacts),
        list(runs),
        MOST,
    )
    return [row_of(record) for record in records]


async def write(
    connection: asyncpg.Connection, before: Mapping[Key, Row], after: Mapping[Key, Row]
) -> None:
    """What changed. Raises SerializationError when another stage made one of the new rows."""
    made = [row for key, row in after.items() if key not in before]
    changed = [row for key, row in after.items() if key in before and before[key] != row]
    if made:
        buckets = [bucket_of(contact_key(r.workspace, r.contact)) for r in made]
        answer: str = await connection.execute(_INSERT, *_values(made, FIELDS), buckets)
        if int(answer.rpartition(" ")[2]) != len(made):
            raise asyncpg.SerializationError("another stage made the row")
    if changed:
        await connection.execute(_UPDATE, *_values(changed, _UPDATED))


def _values(rows: list[Row], names: Iterable[str]) -> list[list[Any]]:
    return [[getattr(row, name) for row in rows] for name in names]


async def write_commands(connection: asyncpg.Connection, sends: Iterable[Send]) -> None:
    """Each once, as it first came."""
    sends = list(sends)
    if sends:
        await connection.execute(
            """INSERT INTO commands (workspace, message, body)
               SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[]) ON CONFLICT DO NOTHING""",
            [s.workspace for s in sends],
            [s.message for s in sends],
            [encode(s) for s in sends],
        )


async def read_commands(connection: asyncpg.Connection, keys: Iterable[Key]) -> dict[Key, Send]:
    """The Sends of these messages."""
    wanted = list(keys)
    records = await connection.fetch(
        """SELECT workspace, message, body FROM commands
           JOIN unnest($1::text[], $2::text[]) AS k(workspace, message)
             USING (workspace, message)""",
        [k[0] for k in wanted],
        [k[1] for k in wanted],
    )
    return {(r["workspace"], r["message"]): _send.decode(r["body"]) for r in records}


async def apply(
    connection: asyncpg.Connection, inputs: Mapping[Key, Input], now: datetime
) -> dict[Key, Row]:
    """The one way in which dispatchers and people change rows, in the caller's transaction.

    Gives the rows as they are after it; what is to be told goes into `announcements`.
    """
    return await change(connection, await read(connection, inputs), inputs, now)


async def change(
    connection: asyncpg.Connection,
    rows: Mapping[Key, Row],
    inputs: Mapping[Key, Input],
    now: datetime,
) -> dict[Key, Row]:
    """The same for rows that the caller has locked."""
    after: dict[Key, Row] = {}
    told: list[tuple[Row, Announce]] = []
    for key, row in rows.items():
        step = transition(row, inputs[key], now)
        after[key] = step.row or row
        if step.announce is not None:
            told.append((after[key], step.announce))
    await write(connection, rows, after)
    await announcements.add(connection, [announce.about(row) for row, announce in told])
    return after
