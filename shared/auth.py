"""Who calls: keys read from the database and noted when they are used, and what is said of those
that open nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

import asyncpg
import structlog
from fastapi import Header

from shared.db.pool import AWAY
from shared.errors import Problem
from shared.keys import PREFIXES, VISIBLE, Key, Scope, hash_of, permitted

FRESH_SECONDS = 2.0  # how long a revoked key may still be taken
AGAIN_SECONDS = 0.2  # nobody makes us read more often, with whatever keys
USED_SECONDS = 30.0  # how exact "last used" is
WRITE_SECONDS = 5.0
LOG_SECONDS = 60.0  # a key that is none has a line in so long,
LOGGED = 20  # and so many of them have: anybody may send them

log = structlog.get_logger()


class _Refused:
    """Keys that open nothing. They are no workspace's, so only the log can show them to whoever
    wonders where their events stay: never more of one than its visible beginning.
    """

    def __init__(self) -> None:
        self._logged: set[str] = set()
        self._since = float("-inf")
        self._left_out = 0

    def problem(self, token: str, revoked: str) -> Problem:
        """`revoked`: the prefix if it once was a key. Only who has all of it learns that."""
        self._log("revoked key" if revoked else "unknown key", token)
        if revoked:
            why = f"The key {revoked} was revoked. Make another by `tuvi keys create`."
            return Problem(401, "Revoked key", why)
        return Problem(401, "Unknown key", "Send a key made by `tuvi keys create`.")

    def _log(self, event: str, token: str) -> None:
        ours = token.startswith(tuple(PREFIXES.values()))  # else it may be anything: a password
        begins = token[:VISIBLE] if ours else "not as keys of Tuvi do"
        now = time.monotonic()
        if now - self._since >= LOG_SECONDS:
            self._logged.clear()
            self._since = now
        if begins in self._logged or len(self._logged) >= LOGGED:
            self._left_out += 1
            return
        log.info(event, begins=begins, left_out=self._left_out)
        self._logged.add(begins)
        self._left_out = 0


class Keys:
    """All valid keys, read again when they are two seconds old; notes which were used."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._known: dict[bytes, Key] = {}
        self._revoked: dict[bytes, str] = {}
        self._refused = _Refused()
        self._read_at = float("-inf")
        self._noted: dict[bytes, float] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def known(self, token: str) -> Key:
        """Raises Problem 401."""
        digest = hash_of(token)
        await self._read(FRESH_SECONDS)
        if digest not in self._known:  # it may have been made a moment ago
            await self._read(AGAIN_SECONDS)
        found = self._known.get(digest)
        if found is None:
            raise self._refused.problem(token, self._revoked.get(digest, ""))
        self._note(digest)
        return found

    async def origins(self) -> frozenset[str]:
        """Of all keys: the pages that may send something."""
        await self._read(FRESH_SECONDS)
        return frozenset(origin for key in self._known.values() for origin in key.origins)

    async def _read(self, age: float) -> None:
        if time.monotonic() - self._read_at > age:
            rows = await self._pool.fetch(
                """SELECT hash, workspace, scope, prefix, origins, per_second,
                          revoked_at IS NOT NULL AS revoked
                   FROM installation.keys"""
            )
            self._known = {
                r["hash"]: Key(
                    r["workspace"], r["scope"], r["prefix"], tuple(r["origins"]), r["per_second"]
                )
                for r in rows
                if not r["revoked"]
            }
            self._revoked = {r["hash"]: r["prefix"] for r in rows if r["revoked"]}
            self._read_at = time.monotonic()

    async def key(self, token: str, *scopes: Scope) -> Key:
        """Raises Problem 401 (no such key) or 403 (a key for something else)."""
        return permitted(await self.known(token), scopes)

    async def workspace(self, token: str, scope: Scope) -> str:
        """Whose the key is; raises as `key` does."""
        return (await self.key(token, scope)).workspace

    def requires(self, scope: Scope) -> Callable[..., Awaitable[str]]:
        """A FastAPI dependency: the workspace of the bearer key."""

        async def workspace(authorization: Annotated[str, Header()] = "") -> str:
            kind, _, token = authorization.partition(" ")
            if kind.lower() != "bearer" or not token:
                raise Problem(401, "Key missing", "Send `Authorization: Bearer <key>`.")
            return await self.workspace(token.strip(), scope)

        return workspace

    def _note(self, digest: bytes) -> None:
        """A use is written at once, and then again when that is half a minute old."""
        now = time.monotonic()
        if now - self._noted.get(digest, float("-inf")) > USED_SECONDS:
            self._noted[digest] = now
            task = asyncio.create_task(self._write(digest))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _write(self, digest: bytes) -> None:
        """Beside the request: that a key was used is worth no caller's wait and no error."""
        try:
            await self._pool.execute(
                "UPDATE installation.keys SET last_used_at = now() WHERE hash = $1",
                digest,
                timeout=WRITE_SECONDS,
            )
        except AWAY as error:
            log.warning("a key's last use was not written", error=type(error).__name__)
