"""The rows of stage profile, read and written set by set."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import asyncpg
import msgspec

from services.segmenter.domain.email_history import occurrence as email_occurrence
from services.segmenter.domain.snapshot import email_of, happened_at, occurrence
from services.segmenter.domain.state import ContactState, decode
from shared.conditions import Occurrence
from shared.contracts import DeliveryEvent, Event, SegmentChanged
from shared.contracts.codec import encode
from shared.contracts.keys import contact_key
from shared.kafka.partitioner import bucket_of

Contact = tuple[str, str]
"""Workspace and contact."""

WALK = 500
"""Contacts made due in one batch when definitions have changed."""

_event = msgspec.json.Decoder(Event, float_hook=Decimal)
_delivery = msgspec.json.Decoder(DeliveryEvent, float_hook=Decimal)


class Line(NamedTuple):
    """One line of the history."""

    workspace: str
    contact: str
    message_id: str
    at: datetime
    received_at: datetime
    kind: str
    name: str
    human: bool
    event: Event | DeliveryEvent | SegmentChanged


async def load(
    connection: asyncpg.Connection, contacts: Iterable[Contact]
) -> dict[Contact, ContactState]:
    """The states of those that are known, locked in the order of their keys."""
    rows = await connection.fetch(
        """SELECT p.workspace, p.contact, p.state::text AS state
           FROM unnest($1::text[], $2::text[]) AS c(workspace, contact)
           JOIN profiles p USING (workspace, contact)
           ORDER BY p.workspace, p.contact FOR UPDATE OF p""",
        *_columns(contacts, 2),
    )
    return {(r["workspace"], r["contact"]): decode(r["state"]) for r in rows}


async def recorded(
    connection: asyncpg.Connection, asked: Iterable[tuple[str, str, str]]
) -> set[tuple[str, str, str]]:
    """Which of these (workspace, contact, message id) are in the history already."""
    rows = await connection.fetch(
        """SELECT h.workspace, h.contact, h.message_id
           FROM unnest($1::text[], $2::text[], $3::text[]) AS c(workspace, contact, message_id)
           JOIN history h USING (workspace, contact, message_id)""",
        *_columns(asked, 3),
    )
    return {(r["workspace"], r["contact"], r["message_id"]) for r in rows}


async def remembered(
    connection: asyncpg.Connection, contacts: Iterable[Contact], names: list[str]
) -> dict[Contact, list[Occurrence]]:
    """What is recorded of these contacts under these names, as conditions see it."""
    rows = await connection.fetch(
        """SELECT h.workspace, h.contact, h.kind, h.human, h.event::text AS event
           FROM unnest($1::text[], $2::text[]) AS c(workspace, contact)
           JOIN history h USING (workspace, contact)
           WHERE h.name = ANY($3::text[]) AND h.kind <> 'segment'""",
        *_columns(contacts, 2),
        names,
    )
    found: dict[Contact, list[Occurrence]] = {}
    for row in rows:
        what = _occurrence(row)
        if what is not None:
            found.setdefault((row["workspace"], row["contact"]), []).append(what)
    return found


def _occurrence(row: Any) -> Occurrence | None:
    if row["kind"] == "event":
        return occurrence(_event.decode(row["event"]))
    delivery = _delivery.decode(row["event"])
    return email_occurrence(delivery, happened_at(delivery), human=row["human"])


async def record(connection: asyncpg.Connection, lines: Iterable[Line]) -> None:
    """Add to the history."""
    await connection.execute(
        """INSERT INTO history (workspace, contact, message_id, at, received_at, kind, name,
                                human, event)
           SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[],
               $5::timestamptz[], $6::text[], $7::text[], $8::boolean[], $9::jsonb[])
           ON CONFLICT DO NOTHING""",
        *_columns(lines, 9),
    )


async def save(
    connection: asyncpg.Connection,
    states: Iterable[ContactState],
    digests: Mapping[str, str],
    now: datetime,
) -> None:
    """Write contacts, new and known ones. `digests`: of the definitions, by workspace."""
    rows = [
        (
            s.workspace,
            s.contact,
            bucket_of(contact_key(s.workspace, s.contact)),
            s.version,
            email_of(s),
            digests[s.workspace],
            encode(s).decode(),
            s.merged_into,
        )
        for s in states
    ]
    await connection.execute(
        """INSERT INTO profiles AS p (workspace, contact, bucket, version, email, definitions,
                                      state, merged_into, updated_at)
           SELECT workspace, contact, bucket, version, email, definitions, state::jsonb,
                  merged_into, $9
           FROM unnest($1::text[], $2::text[], $3::smallint[], $4::bigint[], $5::text[],
                       $6::text[], $7::text[], $8::text[])
                AS r(workspace, contact, bucket, version, email, definitions, state, merged_into)
           ON CONFLICT (workspace, contact) DO UPDATE
           SET version = excluded.version, email = excluded.email, state = excluded.state,
               definitions = excluded.definitions, merged_into = excluded.merged_into,
               updated_at = excluded.updated_at""",
        *_columns(rows, 8),
        now,
    )


async def change_members(
    connection: asyncpg.Connection,
    joined: Iterable[tuple[str, str, str, datetime]],
    left: Iterable[tuple[str, str, str]],
) -> None:
    """(workspace, segment, contact[, since]): who is in, who is not any more."""
    gone, new = list(left), list(joined)
    if gone:
        await connection.execute(
            """DELETE FROM members m
               USING unnest($1::text[], $2::text[], $3::text[]) AS g(workspace, segment, contact)
               WHERE (m.workspace, m.segment, m.contact) = (g.workspace, g.segment, g.contact)""",
            *_columns(gone, 3),
        )
    if new:
        await connection.execute(
            """INSERT INTO members (workspace, segment, contact, since, bucket)
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[],
                                    $5::smallint[])
               ON CONFLICT (workspace, segment, contact) DO UPDATE SET since = excluded.since""",
            *_columns(new, 4),
            [bucket_of(contact_key(row[0], row[2])) for row in new],
        )


async def make_due(
    connection: asyncpg.Connection,
    where: tuple[int, int],
    workspace: str,
    digest: str,
    now: datetime,
) -> int:
    """Make due some contacts whose segments were answered under other definitions.

    `where` is (partition, partitions). Gives how many; 0: there are none left.
    """
    status = await connection.execute(
        """WITH other AS (
               (SELECT contact, bucket FROM profiles WHERE merged_into = ''
                AND workspace = $1 AND definitions < $2)
               UNION ALL
               (SELECT contact, bucket FROM profiles WHERE merged_into = ''
                AND workspace = $1 AND definitions > $2)
           )
           INSERT INTO timers AS t (workspace, contact, due_at, bucket)
           SELECT $1, contact, $3, bucket FROM other
           WHERE bucket & ($5 - 1) = $4 AND NOT EXISTS (
               SELECT FROM timers d WHERE d.workspace = $1 AND d.contact = other.contact
               AND (d.due_at <= $3 OR d.due_at = 'infinity'))
           LIMIT $6
           ON CONFLICT (workspace, contact, transactional)
           DO UPDATE SET due_at = excluded.due_at""",
        workspace,
        digest,
        now,
        *where,
        WALK,
    )
    return int(status.rpartition(" ")[2])


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as columns, for unnest; of no rows, empty columns."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
