"""Identities and the contacts they point to (table aliases; domain: identity).

A row's key is the id of the contact that the identity would make alone. A row that points to
itself is a contact; every other points to one at once, never by way of a third. So the row of a
contact's id is also its redirect: months later it says whose it is now.
"""

from collections.abc import Iterable
from typing import Any

import asyncpg

from services.segmenter.domain.given import Given, Identity, tidy
from services.segmenter.domain.identity import Alias, Contact, Merge, People

Keyed = dict[str, Identity]
Asked = Any  # a connection or a pool


class _Stale(Exception):  # noqa: N818  named for the fact
    """Contacts that were locked are no contacts any more: they were merged since they were read."""

    def __init__(self, contacts: set[Contact]) -> None:
        self.contacts = contacts


async def read(connection: asyncpg.Connection, given: Iterable[Given]) -> People:
    """Where all the identities point; those nobody knew are made, each a contact of its own.

    Knowing takes no lock. Making one that another batch is making waits for that batch. Contacts
    that may merge are locked in key order and looked at again: what was read before the locks may
    be stale, and then the locks are let go, so that nobody waits in a circle.
    """
    given = list(given)
    wanted = {i.id: i for each in given for i in (*each.identities, *each.before)}
    known = await _select(connection, wanted)
    unread = {id_: wanted[id_] for id_ in wanted.keys() - known.keys()}
    made = await _insert(connection, unread) if unread else []
    while True:
        known |= await _select(connection, unread) if unread else {}
        people = People()
        people.know(known.values(), made)
        joining = people.joining(given)
        if not joining:
            return people
        try:
            async with connection.transaction():
                await _lock(connection, joining)
        except _Stale as stale:
            moved = {contact for _, contact in stale.contacts}
            unread = {id_: wanted[id_] for id_, alias in known.items() if alias.contact in moved}
        else:
            return people


async def _lock(connection: asyncpg.Connection, contacts: set[Contact]) -> None:
    """Until the end of the transaction nobody else merges them. Raises _Stale."""
    rows = await connection.fetch(
        """SELECT a.workspace, a.id, a.contact
           FROM unnest($1::text[], $2::text[]) AS k(workspace, id)
           JOIN aliases a ON a.workspace = k.workspace AND a.id = k.id
           ORDER BY a.workspace, a.id FOR UPDATE OF a""",
        [workspace for workspace, _ in contacts],
        [contact for _, contact in contacts],
    )
    stale = {(workspace, id_) for workspace, id_, contact in rows if id_ != contact}
    if stale:
        raise _Stale(stale)


async def _select(connection: asyncpg.Connection, wanted: Keyed) -> dict[str, Alias]:
    rows = await connection.fetch(
        """SELECT a.id, a.contact, c.kind, a.claimed
           FROM unnest($1::text[], $2::text[]) AS k(workspace, id)
           JOIN aliases a ON a.workspace = k.workspace AND a.id = k.id
           JOIN aliases c ON c.workspace = a.workspace AND c.id = a.contact""",
        [identity.workspace for identity in wanted.values()],
        list(wanted),
    )
    return {id_: Alias(wanted[id_], *pointed) for id_, *pointed in rows}


async def _insert(connection: asyncpg.Connection, unknown: Keyed) -> list[str]:
    """In key order, so that two batches never wait for each other; gives the ids it made."""
    rows = await connection.fetch(
        """INSERT INTO aliases (workspace, id, kind, value, contact)
           SELECT workspace, id, kind, value, id
           FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
                AS k(workspace, id, kind, value)
           ORDER BY workspace, id
           ON CONFLICT DO NOTHING RETURNING id""",
        [identity.workspace for identity in unknown.values()],
        list(unknown),
        [identity.kind for identity in unknown.values()],
        [identity.value for identity in unknown.values()],
    )
    return [r["id"] for r in rows]


async def write(connection: asyncpg.Connection, people: People) -> None:
    """What the batch has decided about them; `read` has locked the contacts that merge."""
    if people.merges:
        await _merge(connection, people.merges)
    if people.confirmed:
        await _confirm(connection, people.confirmed)


async def _merge(connection: asyncpg.Connection, merges: list[Merge]) -> None:
    """Let all identities of the losers point to the winners."""
    final = _final(merges)
    claimed = {(merge.workspace, merge.loser) for merge in merges if merge.claimed}
    await connection.execute(
        """UPDATE aliases a SET contact = m.winner, claimed = a.claimed OR m.claimed
           FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[])
                AS m(workspace, loser, winner, claimed)
           WHERE a.workspace = m.workspace AND a.contact = m.loser""",
        [workspace for workspace, _ in final],
        [loser for _, loser in final],
        list(final.values()),
        [loser in claimed for loser in final],
    )


async def _confirm(connection: asyncpg.Connection, identities: set[Identity]) -> None:
    await connection.execute(
        """UPDATE aliases a SET claimed = false
           FROM (SELECT a.workspace, a.id
                 FROM unnest($1::text[], $2::text[]) AS k(workspace, id)
                 JOIN aliases a ON a.workspace = k.workspace AND a.id = k.id
                 ORDER BY a.workspace, a.id FOR UPDATE OF a) AS locked
           WHERE a.workspace = locked.workspace AND a.id = locked.id""",
        [identity.workspace for identity in identities],
        [identity.id for identity in identities],
    )


def _final(merges: list[Merge]) -> dict[tuple[str, str], str]:
    """Each loser's last winner: a -> b, b -> c becomes a -> c, b -> c."""
    final: dict[tuple[str, str], str] = {}
    for merge in reversed(merges):
        final[merge.workspace, merge.loser] = final.get(
            (merge.workspace, merge.winner), merge.winner
        )
    return final


async def find(connection: Asked, workspace: str, kind: str, value: str) -> str | None:
    """The contact known by this userId, e-mail address or anonymousId."""
    identity = Identity(workspace, kind, tidy(kind, value))
    return await current(connection, workspace, identity.id)


async def current(connection: Asked, workspace: str, contact: str) -> str | None:
    """The contact that this one is by now; None if it never was one."""
    found: str | None = await connection.fetchval(
        "SELECT contact FROM aliases WHERE workspace = $1 AND id = $2", workspace, contact
    )
    return found


async def identities_of(connection: Asked, workspace: str, contact: str) -> list[Identity]:
    """Everything by which this contact is known (never to be logged), up to a thousand."""
    rows = await connection.fetch(
        """SELECT workspace, kind, value FROM aliases
           WHERE workspace = $1 AND contact = $2 ORDER BY kind, value LIMIT 1000""",
        workspace,
        contact,
    )
    return [Identity(*row) for row in rows]
