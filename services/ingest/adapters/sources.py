"""Sources: the table, and all of them in memory, so that a delivery asks no database.

Secrets are encrypted at rest by the installation's token keys: the first encrypts, all read. What
an earlier one encrypted is encrypted anew by the first, so that the earlier one can be dropped.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import asyncpg
import structlog

from services.ingest import metrics
from services.ingest.adapters.sealing import Seal
from services.ingest.adapters.source_rows import COLUMNS, Asked, Kept, kept_of, secrets_of
from services.ingest.domain.shops.source import Source
from services.ingest.domain.shops.table import Shop
from shared.db.pool import AWAY
from shared.errors import Problem

log = structlog.get_logger()
LOOK_SECONDS = 2.0
NOTE_SECONDS = 10.0  # between two writings of when deliveries last came
ASK_SECONDS = 5.0
CLOSED_RETRY_AFTER = 60


class Sources:
    """`run` beside the service keeps memory fresh; while PostgreSQL is away memory stays."""

    def __init__(self, pool: asyncpg.Pool, token_keys: Sequence[str]) -> None:
        self._pool, self._seal = pool, Seal(token_keys)
        self._known: dict[str, Source] = {}
        self._closed: set[str] = set()
        self._delivered: dict[str, datetime] = {}

    def find(self, shop: Shop, name: str) -> Source | None:
        """From memory: at most seconds old while PostgreSQL is there. Raises Problem 503 for one
        that is there but closed: its shop would give up for good after a 404.
        """
        found = self._known.get(name)
        if found is None or found.shop != shop:
            return None
        if not found.secrets:
            detail = f"{found.via}: its secret cannot be opened; send it again."
            raise Problem(503, "Source closed", detail, retry_after=CLOSED_RETRY_AFTER)
        return found

    def delivered(self, source: Source, at: datetime) -> None:
        """A delivery came; written in a while."""
        self._delivered[source.name] = at

    async def run(self) -> None:
        """Reads the table again and again."""
        noted = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.load()
                if asyncio.get_running_loop().time() - noted > NOTE_SECONDS:
                    noted = asyncio.get_running_loop().time()
                    await self._note()
            except AWAY as error:
                log.warning("sources cannot be read", error=type(error).__name__)

    async def load(self) -> None:
        """All of them."""
        rows = await self._pool.fetch(f"SELECT {COLUMNS} FROM sources", timeout=ASK_SECONDS)
        read = [self._remembered(kept_of(row, self._seal).source) for row in rows]
        self._known = {source.name: source for source in read}
        self._tell_closed({source.name for source in read if not source.secrets})
        aged = [(row["name"], row["sealed"]) for row in rows]
        renewed = [(name, old, new) for name, old in aged if (new := self._seal.renewed(old))]
        if renewed:
            await self._renew(renewed)

    async def all(self, workspace: str) -> list[Kept]:
        rows = await self._pool.fetch(
            f"SELECT {COLUMNS} FROM sources WHERE workspace = $1 ORDER BY name", workspace
        )
        return [kept_of(row, self._seal) for row in rows]

    async def one(self, workspace: str, name: str) -> Kept:
        """Raises Problem 404."""
        for kept in await self.all(workspace):
            if kept.source.name == name:
                return kept
        raise unknown(name)

    async def put(self, asked: Asked) -> tuple[Kept, bool]:
        """(what there is, is it new). Raises Problem 409, 422."""
        source = asked.source
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('sources'))")
            row = await connection.fetchrow(
                f"SELECT {COLUMNS} FROM sources WHERE name = $1", source.name
            )
            known = kept_of(row, self._seal) if row else None
            secrets = secrets_of(asked, known, row)
            changed = known is not None and known.source.secrets[:1] != (secrets["secret"],)
            await connection.execute(
                """INSERT INTO sources (name, workspace, shop, settings, sealed)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (name) DO UPDATE SET settings = $4, sealed = $5,
                       rotated_at = CASE WHEN $6 THEN now() ELSE sources.rotated_at END""",
                source.name,
                source.workspace,
                source.shop,
                source.settings,
                self._seal.seal(secrets),
                changed,
            )
        await self.load()
        return await self.one(source.workspace, source.name), row is None

    async def remove(self, workspace: str, name: str) -> None:
        """Raises Problem 404."""
        gone = await self._pool.fetchval(
            "DELETE FROM sources WHERE workspace = $1 AND name = $2 RETURNING name", workspace, name
        )
        if gone is None:
            raise unknown(name)
        self._known.pop(name, None)

    async def _note(self) -> None:
        told, self._delivered = self._delivered, {}
        await self._pool.execute(
            """UPDATE sources SET last_delivery_at = told.at
               FROM unnest($1::text[], $2::timestamptz[]) AS told (name, at)
               WHERE sources.name = told.name""",
            list(told),
            list(told.values()),
            timeout=ASK_SECONDS,
        )

    async def _renew(self, renewed: list[tuple[str, bytes, bytes]]) -> None:
        """Encrypted by the first token key; once, by whichever replica comes first."""
        names, before, after = zip(*renewed, strict=True)
        await self._pool.execute(
            """UPDATE sources SET sealed = told.after
               FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS told (name, before, after)
               WHERE sources.name = told.name AND sources.sealed = told.before""",
            names,
            before,
            after,
            timeout=ASK_SECONDS,
        )
        log.info("sources encrypted by the first token key", sources=names)

    def _remembered(self, source: Source) -> Source:
        """While token keys change replica by replica, one may meet what it cannot open yet: what
        it has opened before is still good.
        """
        before = self._known.get(source.name)
        same = before and (before.workspace, before.shop) == (source.workspace, source.shop)
        if source.secrets or before is None or not same:
            return source
        return replace(source, secrets=before.secrets, access_token=before.access_token)

    def _tell_closed(self, closed: set[str]) -> None:
        metrics.SOURCES_CLOSED.set(len(closed))
        for name in sorted(closed - self._closed):
            log.error("a source cannot be opened: no token key fits", source=name)
        self._closed = closed


def unknown(name: str) -> Problem:
    return Problem(404, "No such source", f"{name[:80]}: make it with `tuvi sources create`.")
