"""Segments as definitions of this service, and who is in them."""

from datetime import datetime

import asyncpg

from services.segmenter.domain.definitions import read
from services.segmenter.domain.segment_file import parse_segment
from shared.conditions import Condition
from shared.contracts import Definition
from shared.contracts.codec import plain
from shared.definitions import Announcer, Registry, latest, save
from shared.errors import Problem


class Segments:
    """Writes definitions. What the stage does follows the Registry: after a restore this too."""

    def __init__(self, pool: asyncpg.Pool, announcer: Announcer, registry: Registry) -> None:
        self._pool, self._announcer, self._registry = pool, announcer, registry

    async def publish(self, workspace: str, data: object) -> Definition:
        """A new version if it changed. Raises ConditionError."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('segments'))")
            known = await latest(connection, workspace, "segment", self._registry)
            file = parse_segment(data, _conditions(known))
            saved = await save(
                connection,
                workspace=workspace,
                kind="segment",
                id=file.id,
                body=plain(file.body),
                heard=self._registry,
            )
        self._announcer.wake()
        return saved

    async def one(self, workspace: str, segment: str) -> Definition:
        """The newest version. Raises Problem 404."""
        found = {d.id: d for d in await self.all(workspace)}.get(segment)
        if found is None:
            raise Problem(404, "No such segment", f"'{segment}' was never published.")
        return found

    async def all(self, workspace: str) -> list[Definition]:
        """The newest version of each, by id."""
        async with self._pool.acquire() as connection:
            return await latest(connection, workspace, "segment", self._registry)

    async def counts(self, workspace: str) -> dict[str, int]:
        """How many are in each."""
        rows = await self._pool.fetch(
            "SELECT segment, count(*) AS n FROM members WHERE workspace = $1 GROUP BY segment",
            workspace,
        )
        return {row["segment"]: row["n"] for row in rows}

    async def members(
        self, workspace: str, segment: str, after: str, limit: int
    ) -> list[tuple[str, datetime]]:
        """(contact, since when) in order of contact, those after `after`."""
        rows = await self._pool.fetch(
            """SELECT contact, since FROM members
               WHERE workspace = $1 AND segment = $2 AND contact > $3 ORDER BY contact LIMIT $4""",
            workspace,
            segment,
            after,
            limit,
        )
        return [(row["contact"], row["since"]) for row in rows]


def _conditions(known: list[Definition]) -> dict[str, Condition]:
    return {d.id: read(d.body) for d in known if d.status != "archived"}
