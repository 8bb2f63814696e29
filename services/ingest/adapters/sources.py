"""Sources: the table, and all of them in memory, so that a delivery asks no database.

Secrets are encrypted at rest by the installation's token keys: the first encrypts, all read.
"""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, cast

import asyncpg
import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.ingest.domain.shops.source import Source
from services.ingest.domain.shops.table import Shop
from shared.contracts.codec import decode_plain, encode
from shared.contracts.wire import Plain
from shared.errors import Problem

log = structlog.get_logger()
LOOK_SECONDS = 2.0
NOTE_SECONDS = 10.0  # between two writings of when deliveries last came
ASK_SECONDS = 5.0
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
_COLUMNS = """name, workspace, shop, settings, created_at, last_delivery_at, sealed,
              rotated_at > now() - interval '1 day' AS rotated"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A source and what is known of it besides."""

    source: Source
    created_at: datetime
    last_delivery_at: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a PUT states. Empty secrets: those that are there stay."""

    source: Source
    secret: str = field(repr=False, default="")


class Sources:
    """`run` beside the service keeps memory fresh; while PostgreSQL is away memory stays."""

    def __init__(self, pool: asyncpg.Pool, token_keys: Sequence[str]) -> None:
        self._pool, self._seal = pool, _seal(token_keys)
        self._known: dict[str, Source] = {}
        self._delivered: dict[str, datetime] = {}

    def find(self, shop: Shop, name: str) -> Source | None:
        """From memory: at most seconds old while PostgreSQL is there."""
        found = self._known.get(name)
        return found if found is not None and found.shop == shop else None

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
            except _AWAY as error:
                log.warning("sources cannot be read", error=type(error).__name__)

    async def load(self) -> None:
        """All of them."""
        rows = await self._pool.fetch(f"SELECT {_COLUMNS} FROM sources", timeout=ASK_SECONDS)
        self._known = {r["name"]: kept.source for r in rows if (kept := self._read(r))}

    async def all(self, workspace: str) -> list[Kept]:
        rows = await self._pool.fetch(
            f"SELECT {_COLUMNS} FROM sources WHERE workspace = $1 ORDER BY name", workspace
        )
        return [kept for row in rows if (kept := self._read(row))]

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
                f"SELECT {_COLUMNS} FROM sources WHERE name = $1", source.name
            )
            known = self._read(row) if row else None
            secrets = _secrets(asked, known, row)
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
                self._seal.encrypt(encode(secrets)),
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

    def _read(self, row: asyncpg.Record) -> Kept | None:
        """None, with a word in the log, if no token key opens it any more."""
        try:
            sealed = decode_plain(self._seal.decrypt(row["sealed"]))
        except InvalidToken:
            log.warning("a source's secret cannot be opened", source=row["name"])
            return None
        secrets = [sealed["secret"], *([sealed["previous"]] if row["rotated"] else [])]
        source = Source(
            row["name"],
            row["workspace"],
            cast("Shop", row["shop"]),
            cast("Plain", row["settings"]),
            tuple(secret for secret in secrets if secret),
            sealed["access_token"],
        )
        return Kept(source, row["created_at"], row["last_delivery_at"])


def _secrets(asked: Asked, known: Kept | None, row: Any) -> dict[str, str]:
    """What is sealed. Shopify signs with the secret before for up to an hour after a change."""
    source = asked.source
    if row and (row["workspace"], row["shop"]) != (source.workspace, source.shop):
        detail = f"{source.name} is another shop's or kind's; choose another name."
        raise Problem(409, "Name taken", detail)
    before = known.source if known else None
    current = before.secrets[0] if before and before.secrets else ""
    if not (asked.secret or current):
        message = "is missing; give the one that the shop signs with"
        errors = [{"field": "secret", "message": message}]
        raise Problem(422, "Not a source", f"secret: {message}", errors=errors)
    changed = bool(asked.secret) and asked.secret != current
    earlier = before.secrets[1] if before and len(before.secrets) > 1 else ""
    return {
        "secret": asked.secret or current,
        "previous": current if changed else earlier,
        "access_token": source.access_token or (before.access_token if before else ""),
    }


def _seal(token_keys: Sequence[str]) -> MultiFernet:
    """A key of its own from each token key, so that no token opens a secret."""
    derived = [
        blake2b(key.encode(), digest_size=32, person=b"tuvi-sources").digest() for key in token_keys
    ]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in derived])


def unknown(name: str) -> Problem:
    return Problem(404, "No such source", f"{name[:80]}: make it with `tuvi sources create`.")
