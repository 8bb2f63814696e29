"""Keys: 256 random bits, a visible prefix, SHA-256 at rest, shown once.

A key is one workspace's, but for scope `operate`: that is for what concerns all of them at once
(the switch of dispatch), and reads and writes nothing of any.
"""

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import asyncpg
from fastapi import Header

from shared.errors import Problem

Scope = Literal["write_events", "read", "write", "operate"]
PREFIXES: dict[Scope, str] = {
    "write_events": "tuvi_wk_",
    "read": "tuvi_rk_",
    "write": "tuvi_ak_",
    "operate": "tuvi_ok_",
}
FRESH_SECONDS = 2.0  # how long a revoked key may still be taken


async def create_key(connection: asyncpg.Connection, workspace: str, scope: Scope) -> str:
    """A new key; only its hash is kept."""
    key = PREFIXES[scope] + secrets.token_urlsafe(32)
    await connection.execute(
        """INSERT INTO installation.keys (hash, prefix, workspace, scope)
           VALUES ($1, $2, $3, $4)""",
        _hash(key),
        key[:14],
        workspace,
        scope,
    )
    return key


def _refused(scope: Scope, has: str) -> Problem:
    why = f"This needs `{scope}`, the key has `{has}`."
    if scope == "operate":
        why = (
            f"This is for all workspaces at once and needs `operate`, the key has `{has}`: "
            "`tuvi keys create --scope operate` makes one."
        )
    return Problem(403, "Key of another scope", why)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


class Keys:
    """Which workspace a key belongs to; all keys are read again when they are two seconds old."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._known: dict[bytes, tuple[str, str]] = {}
        self._read_at = float("-inf")

    async def workspace(self, token: str, scope: Scope) -> str:
        """Raises Problem 401 (no such key) or 403 (a key for something else)."""
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            rows = await self._pool.fetch(
                "SELECT hash, workspace, scope FROM installation.keys WHERE revoked_at IS NULL"
            )
            self._known = {r["hash"]: (r["workspace"], r["scope"]) for r in rows}
            self._read_at = time.monotonic()
        found = self._known.get(_hash(token))
        if found is None:
            raise Problem(401, "Unknown key", "Send a key made by `tuvi keys create`.")
        workspace, has = found
        if scope != has and not (scope == "read" and has == "write"):
            raise _refused(scope, has)
        return workspace

    def requires(self, scope: Scope) -> Callable[..., Awaitable[str]]:
        """A FastAPI dependency: the workspace of the bearer key."""

        async def workspace(authorization: Annotated[str, Header()] = "") -> str:
            kind, _, token = authorization.partition(" ")
            if kind.lower() != "bearer" or not token:
                raise Problem(401, "Key missing", "Send `Authorization: Bearer <key>`.")
            return await self.workspace(token.strip(), scope)

        return workspace
