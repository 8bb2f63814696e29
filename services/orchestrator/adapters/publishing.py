"""Journeys as rows of this service: published, paused, resumed; the announcer tells everybody."""

from typing import Any

import asyncpg

from shared.contracts import Definition
from shared.definitions import Announcer, Registry, Status, latest, save
from shared.errors import Problem


class Publishing:
    """Writes definitions. What the stage does follows the Registry: after a restore this too."""

    def __init__(self, pool: asyncpg.Pool, announcer: Announcer, registry: Registry) -> None:
        self._pool, self._announcer, self._registry = pool, announcer, registry

    async def all(self, workspace: str) -> list[Definition]:
        """The newest version of each, by id."""
        async with self._pool.acquire() as connection:
            return await latest(connection, workspace, "journey", self._registry)

    async def one(self, workspace: str, journey: str) -> Definition:
        """The newest version. Raises Problem 404."""
        async with self._pool.acquire() as connection:
            return await self._newest(connection, workspace, journey)

    async def versions(self, workspace: str, journey: str) -> list[int]:
        rows = await self._pool.fetch(
            """SELECT version FROM definitions
               WHERE workspace = $1 AND kind = 'journey' AND id = $2 ORDER BY version""",
            workspace,
            journey,
        )
        return [row["version"] for row in rows]

    async def publish(
        self, workspace: str, journey: str, body: dict[str, Any]
    ) -> tuple[Definition, bool]:
        """(what is in force, did that change anything). A paused journey stays paused: whoever
        paused it (a bounce limit, perhaps) is not overruled by a deploy.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            await _one_writer(connection)
            before = await self._found(connection, workspace, journey)
            status: Status = "paused" if before and before.status == "paused" else "running"
            saved = await save(
                connection,
                workspace=workspace,
                kind="journey",
                id=journey,
                body=body,
                status=status,
                heard=self._registry,
            )
        self._announcer.wake()
        return saved, before is None or before.version != saved.version

    async def set_status(self, workspace: str, journey: str, status: Status) -> Definition:
        """Of the newest version, whose body stays. Raises Problem 404."""
        async with self._pool.acquire() as connection, connection.transaction():
            await _one_writer(connection)
            known = await self._newest(connection, workspace, journey)
            saved = await save(
                connection,
                workspace=workspace,
                kind="journey",
                id=journey,
                body=known.body,
                status=status,
                heard=self._registry,
            )
        self._announcer.wake()
        return saved

    async def _newest(
        self, connection: asyncpg.Connection, workspace: str, journey: str
    ) -> Definition:
        found = await self._found(connection, workspace, journey)
        if found is None:
            raise Problem(404, "No such journey", f"There is no journey '{journey}'.")
        return found

    async def _found(
        self, connection: asyncpg.Connection, workspace: str, journey: str
    ) -> Definition | None:
        known = await latest(connection, workspace, "journey", self._registry)
        return next((d for d in known if d.id == journey), None)


async def _one_writer(connection: asyncpg.Connection) -> None:
    """A pause and a publication at once: the later one sees what the earlier one made."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('journeys'))")
