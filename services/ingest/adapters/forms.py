"""Forms as definitions of this service. Visitors are answered from memory, whatever is away."""

import asyncpg
import structlog

from services.ingest.domain.forms import Form, parse_form
from shared.conditions import ConditionError
from shared.contracts import Definition
from shared.definitions import Announcer, Registry, latest, save
from shared.errors import Problem

log = structlog.get_logger()


class Forms:
    """Written by `publish`; what visitors see is what was announced."""

    def __init__(self, pool: asyncpg.Pool, announcer: Announcer, registry: Registry) -> None:
        self._pool, self._announcer, self._registry = pool, announcer, registry
        self._read: dict[tuple[str, str], tuple[Definition, Form]] = {}

    async def publish(self, workspace: str, form: Form) -> tuple[Definition, bool]:
        """(what is in force, did that change anything)."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('forms'))")
            known = await latest(connection, workspace, "form", self._registry)
            before = next((d for d in known if d.id == form.id), None)
            saved = await save(
                connection,
                workspace=workspace,
                kind="form",
                id=form.id,
                body=form.body,
                heard=self._registry,
            )
        self._announcer.wake()
        return saved, before is None or before.version != saved.version

    async def all(self, workspace: str) -> list[Definition]:
        """The newest version of each, by id."""
        async with self._pool.acquire() as connection:
            return await latest(connection, workspace, "form", self._registry)

    async def one(self, workspace: str, form: str) -> Definition:
        """The newest version. Raises Problem 404."""
        found = next((d for d in await self.all(workspace) if d.id == form), None)
        if found is None:
            raise unknown(form)
        return found

    def shown(self, workspace: str, form: str) -> tuple[Form, int]:
        """The form and its version, from memory. Raises Problem 404, 503."""
        found = self._registry.get(workspace, "form", form)
        if found is None and not self._registry.ready.is_set():
            detail = "This server has just started. Try again in a moment."
            raise Problem(503, "Forms are not read yet", detail, retry_after=2)
        if found is None or found.status == "archived":
            raise unknown(form)
        known = self._read.get((workspace, form))
        if known is None or known[0] is not found:
            known = self._read[workspace, form] = found, _parsed(found)
        return known[1], found.version


def _parsed(found: Definition) -> Form:
    """Raises Problem 503: while versions are rolled out, one may not read what another took."""
    try:
        return parse_form(found.body)
    except ConditionError as error:
        log.warning("form not understood", form=found.id, version=found.version, reason=str(error))
        detail = "It is written for another version of Tuvi. Try again in a moment."
        raise Problem(503, "Form not understood", detail, retry_after=30) from error


def unknown(form: str) -> Problem:
    return Problem(404, "No such form", f"'{form[:80]}' was never published.")
