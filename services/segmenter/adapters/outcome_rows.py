"""What came of events, as the rows tell it: processed or not, whose it was, which segments moved.

An event is found by whom it names and its messageId, so history needs no index of messageIds.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import asyncpg

from services.segmenter.domain.given import Identity, tidy
from services.segmenter.domain.message_window import hashed

State = Literal["processed", "repeat", "seen", "waiting"]


class Asked(NamedTuple):
    """An event as the live view shows it."""

    message_id: str
    received_at: datetime
    user_id: str = ""
    email: str = ""
    anonymous_id: str = ""

    def ids(self, workspace: str) -> list[str]:
        """Of the contacts that its identities would make alone."""
        given = (("user", self.user_id), ("email", self.email), ("anonymous", self.anonymous_id))
        named = [Identity(workspace, kind, tidy(kind, value)) for kind, value in given if value]
        return [identity.id for identity in named]


class Found(NamedTuple):
    """`was`: the contact at the time, if it has been merged into `contact` since.

    `received_at`: of the event under this messageId that counted.
    """

    state: State
    contact: str = ""
    was: str = ""
    received_at: datetime | None = None
    segments: Sequence[str] = ()
    entered: Sequence[str] = ()
    left: Sequence[str] = ()


class _Person(NamedTuple):
    """Who a contact is now, and the ids under which its history stands."""

    now: str
    all: tuple[str, ...]
    segments: tuple[str, ...]


class _Line(NamedTuple):
    """An event in the history: of which contact at the time, and received when."""

    contact: str
    received_at: datetime


People = Mapping[str, _Person]


async def outcomes(pool: asyncpg.Pool, workspace: str, asked: Sequence[Asked]) -> list[Found]:
    """One for each, in order."""
    ids = {one: one.ids(workspace) for one in asked}
    people = await _people(pool, workspace, {i for found in ids.values() for i in found})
    wanted = {
        (contact, one.message_id): one
        for one in asked
        for i in ids[one]
        for contact in (i, *(people[i].all if i in people else ()))
    }
    lines = await _lines(pool, workspace, wanted)
    seen = await _seen(pool, workspace, {one.message_id for one in asked if one not in lines})
    changes = await _changes(pool, workspace, lines.values())
    now = await _people(pool, workspace, {line.contact for line in lines.values()})
    return [
        _found(one, lines[one], now.get(lines[one].contact), changes)
        if one in lines
        else Found("seen" if one.message_id in seen else "waiting")
        for one in asked
    ]


def _found(
    asked: Asked, line: _Line, person: _Person | None, changes: Mapping[_Line, list[Any]]
) -> Found:
    now = person.now if person else line.contact
    moved = changes.get(line, [])
    return Found(
        "processed" if line.received_at == asked.received_at else "repeat",
        now,
        line.contact if now != line.contact else "",
        line.received_at,
        person.segments if person else (),
        [segment for segment, change in moved if change == "entered"],
        [segment for segment, change in moved if change == "left"],
    )


async def _people(pool: asyncpg.Pool, workspace: str, ids: Iterable[str]) -> dict[str, _Person]:
    rows = await pool.fetch(
        """SELECT a.id, a.contact, coalesce(p.state->'segments', '{}'::jsonb) AS segments,
                  coalesce(p.state->'merged_from', '[]'::jsonb) AS merged_from
           FROM aliases a
           LEFT JOIN profiles p ON p.workspace = a.workspace AND p.contact = a.contact
           WHERE a.workspace = $1 AND a.id = ANY($2::text[])""",
        workspace,
        list(ids),
    )
    return {
        r["id"]: _Person(
            r["contact"], (r["contact"], *r["merged_from"]), tuple(sorted(r["segments"]))
        )
        for r in rows
    }


async def _lines(
    pool: asyncpg.Pool, workspace: str, wanted: Mapping[tuple[str, str], Asked]
) -> dict[Asked, _Line]:
    rows = await pool.fetch(
        """SELECT h.contact, h.message_id, h.received_at
           FROM unnest($2::text[], $3::text[]) AS k(contact, message_id)
           JOIN history h ON h.workspace = $1 AND h.contact = k.contact
                         AND h.message_id = k.message_id AND h.kind = 'event'""",
        workspace,
        [contact for contact, _ in wanted],
        [message_id for _, message_id in wanted],
    )
    return {
        wanted[r["contact"], r["message_id"]]: _Line(r["contact"], r["received_at"]) for r in rows
    }


async def _seen(pool: asyncpg.Pool, workspace: str, message_ids: set[str]) -> set[str]:
    """Those that stage identity has taken within its window."""
    hashes = {hashed(workspace, message_id): message_id for message_id in message_ids}
    rows = await pool.fetch(
        "SELECT DISTINCT id FROM message_ids WHERE id = ANY($1::bytea[])", list(hashes)
    )
    return {hashes[row["id"]] for row in rows}


async def _changes(
    pool: asyncpg.Pool, workspace: str, lines: Iterable[_Line]
) -> dict[_Line, list[tuple[str, str]]]:
    """(segment, entered or left) at the instant of the event, in order of segment.

    Not those that a definition's change or history brought about: they start no journey.
    """
    keys = set(lines)
    rows = await pool.fetch(
        """SELECT k.contact, k.at, h.name, h.event->>'change' AS change
           FROM unnest($2::text[], $3::timestamptz[]) AS k(contact, at)
           JOIN history h ON h.workspace = $1 AND h.contact = k.contact
                         AND h.at = k.at AND h.kind = 'segment'
                         AND NOT (h.event->>'backfill')::boolean
           ORDER BY h.name, h.message_id""",
        workspace,
        [line.contact for line in keys],
        [line.received_at for line in keys],
    )
    found: dict[_Line, list[tuple[str, str]]] = {}
    for row in rows:
        line = _Line(row["contact"], row["at"])
        found.setdefault(line, []).append((row["name"], row["change"]))
    return found
