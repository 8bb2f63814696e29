"""Contacts, suppressions and bounces: what decides whether somebody may be written to."""

from collections.abc import Iterable, Mapping

import asyncpg
import msgspec

from services.sender.domain.bounces import Bounces
from services.sender.domain.permission import (
    MARKETING,
    UNSUBSCRIBED,
    Contact,
    Lift,
    Suppression,
    contact_suppression_key,
    suppression_key,
)
from shared.contracts import Consent, ContactChanged, plain
from shared.contracts.keys import contact_key
from shared.kafka.partitioner import bucket_of

Key = tuple[str, str]  # workspace, contact or address
HOPS = 8  # a merge of merges; longer chains are not followed in one go


async def write_changes(connection: asyncpg.Connection, changes: Iterable[ContactChanged]) -> None:
    """The higher version wins."""
    newest: dict[Key, ContactChanged] = {}
    for change in changes:
        key = (change.workspace, change.contact)
        if key not in newest or newest[key].version <= change.version:
            newest[key] = change
    rows = [newest[key] for key in sorted(newest)]
    if not rows:
        return
    await connection.execute(
        """INSERT INTO contacts AS c
               (workspace, contact, bucket, version, email, consent, merged_into, erased)
           SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::integer[],
                                $5::text[], $6::jsonb[], $7::text[], $8::boolean[])
           ON CONFLICT (workspace, contact) DO UPDATE
           SET version = excluded.version, email = excluded.email, consent = excluded.consent,
               merged_into = excluded.merged_into, erased = excluded.erased
           WHERE excluded.version > c.version""",
        [r.workspace for r in rows],
        [r.contact for r in rows],
        [bucket_of(contact_key(r.workspace, r.contact)) for r in rows],
        [r.version for r in rows],
        [r.email for r in rows],
        [plain(r.consent) for r in rows],
        [r.merged_into for r in rows],
        [r.erased for r in rows],
    )


async def read_contacts(connection: asyncpg.Connection, keys: Iterable[Key]) -> dict[Key, Contact]:
    """By the contact asked for, redirects followed. Absent: it, or who it became, is unknown."""
    asked = set(keys)
    where = {key: key for key in asked}
    known: dict[Key, asyncpg.Record] = {}
    for _ in range(HOPS):
        missing = {key for key in where.values() if key not in known}
        if not missing:
            break
        known |= await _fetch(connection, missing)
        where = {
            key: (at[0], known[at]["merged_into"])
            if at in known and known[at]["merged_into"]
            else at
            for key, at in where.items()
        }
    return {
        key: _contact(known[at])
        for key, at in where.items()
        if at in known and not known[at]["merged_into"]
    }


async def _fetch(connection: asyncpg.Connection, keys: Iterable[Key]) -> dict[Key, asyncpg.Record]:
    wanted = list(keys)
    records = await connection.fetch(
        """SELECT c.* FROM contacts c JOIN unnest($1::text[], $2::text[]) AS k(workspace, contact)
           USING (workspace, contact)""",
        [k[0] for k in wanted],
        [k[1] for k in wanted],
    )
    return {(r["workspace"], r["contact"]): r for r in records}


def _contact(record: asyncpg.Record) -> Contact:
    return Contact(
        contact=record["contact"],
        version=record["version"],
        email=record["email"],
        consent=msgspec.convert(record["consent"], dict[str, Consent]),
        erased=record["erased"],
    )


async def read_suppressions(
    connection: asyncpg.Connection, contacts: Mapping[Key, Contact]
) -> dict[Key, list[Suppression]]:
    """By the contact asked for: of its address, and of itself and who it became."""
    keys: dict[Key, list[Key]] = {}
    for (workspace, asked), contact in contacts.items():
        names = {
            suppression_key(contact.email),
            contact_suppression_key(asked),
            contact_suppression_key(contact.contact),
        }
        for name in names:
            keys.setdefault((workspace, name), []).append((workspace, asked))
    records = await connection.fetch(
        """SELECT s.* FROM suppressions s JOIN unnest($1::text[], $2::text[])
             AS k(workspace, address) USING (workspace, address)""",
        [k[0] for k in keys],
        [k[1] for k in keys],
    )
    found: dict[Key, list[Suppression]] = {}
    for record in records:
        suppression = Suppression(**record)
        for key in keys[suppression.workspace, suppression.address]:
            found.setdefault(key, []).append(suppression)
    return found


async def write_suppressions(
    connection: asyncpg.Connection, suppressions: Iterable[Suppression]
) -> None:
    """The latest word stays, in whichever order they come."""
    newest: dict[tuple[str, str, str], Suppression] = {}
    for s in suppressions:
        key = (s.workspace, s.address, s.topic)
        if key not in newest or newest[key].at < s.at:
            newest[key] = s
    rows = [newest[key] for key in sorted(newest)]
    if rows:
        await connection.execute(
            """INSERT INTO suppressions AS s (workspace, address, topic, reason, at)
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],
                                    $5::timestamptz[])
               ON CONFLICT (workspace, address, topic) DO UPDATE
               SET reason = excluded.reason, at = excluded.at WHERE excluded.at > s.at""",
            [r.workspace for r in rows],
            [r.address for r in rows],
            [r.topic for r in rows],
            [r.reason for r in rows],
            [r.at for r in rows],
        )


async def lift_suppressions(connection: asyncpg.Connection, lifts: Iterable[Lift]) -> None:
    """Unsubscribes that are older than a subscription; a tie goes to the stricter."""
    rows = list(lifts)
    if rows:
        await connection.execute(
            """DELETE FROM suppressions s
               USING unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
                     AS l(workspace, address, topic, at)
               WHERE s.workspace = l.workspace AND s.address = l.address
                 AND l.topic IN (s.topic, $5) AND s.reason = $6 AND s.at < l.at""",
            [r.workspace for r in rows],
            [r.address for r in rows],
            [r.topic for r in rows],
            [r.at for r in rows],
            MARKETING,
            UNSUBSCRIBED,
        )


async def read_bounces(connection: asyncpg.Connection, keys: Iterable[Key]) -> dict[Key, Bounces]:
    """Those that are there, locked."""
    wanted = sorted(set(keys))
    records = await connection.fetch(
        """SELECT b.* FROM bounces b JOIN unnest($1::text[], $2::text[]) AS k(workspace, address)
             ON b.workspace = k.workspace AND b.address = k.address
           ORDER BY b.workspace, b.address FOR UPDATE OF b""",
        [k[0] for k in wanted],
        [k[1] for k in wanted],
    )
    found = (msgspec.convert(dict(r), Bounces, strict=False) for r in records)
    return {(b.workspace, b.address): b for b in found}


async def write_bounces(connection: asyncpg.Connection, bounces: Iterable[Bounces]) -> None:
    rows = sorted(bounces, key=lambda b: (b.workspace, b.address))
    if rows:
        await connection.execute(
            """INSERT INTO bounces (workspace, address, days, delivered_at)
               SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::timestamptz[])
               ON CONFLICT (workspace, address) DO UPDATE
               SET days = excluded.days, delivered_at = excluded.delivered_at""",
            [r.workspace for r in rows],
            [r.address for r in rows],
            [plain(r.days) for r in rows],
            [r.delivered_at for r in rows],
        )
