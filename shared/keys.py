"""Keys: 256 random bits, a visible prefix, SHA-256 at rest, shown once.

A key is one workspace's, but for scope `operate`: that is for what concerns all of them at once
(the switch of dispatch), and reads and writes nothing of any. A `browser` key stands in a shop's
pages, where everybody can read it: it takes events as `write_events` does, but is nobody's word.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import asyncpg

from shared.errors import Problem

Scope = Literal["write_events", "browser", "read", "write", "operate"]
PREFIXES: dict[Scope, str] = {
    "write_events": "tuvi_wk_",
    "browser": "tuvi_pk_",
    "read": "tuvi_rk_",
    "write": "tuvi_ak_",
    "operate": "tuvi_ok_",
}
ANY_ORIGIN = "*"
VISIBLE = 14  # characters of a key that are shown: scope and six at random


class Key(NamedTuple):
    """What is known of a key. `prefix`: its visible beginning. `origins`: pages that may use it.

    `per_second`: events that it may send; None: as many as the installation's default says.
    """

    workspace: str
    scope: Scope
    prefix: str
    origins: tuple[str, ...] = ()
    per_second: int | None = None

    @property
    def public(self) -> bool:
        """Everybody can read it in a browser."""
        return self.scope == "browser"


async def create_key(
    connection: asyncpg.Connection,
    workspace: str,
    scope: Scope,
    *,
    name: str = "",
    origins: Sequence[str] = (),
    per_second: int | None = None,
) -> str:
    """A new key; only its hash is kept. Raises ForeignKeyViolationError: no such workspace."""
    while True:
        key = PREFIXES[scope] + secrets.token_urlsafe(32)
        row = (hash_of(key), key[:VISIBLE], workspace, scope, name, list(origins), per_second)
        made = await connection.fetchval(
            """INSERT INTO installation.keys
                   (hash, prefix, workspace, scope, name, origins, per_second)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (prefix) DO NOTHING RETURNING prefix""",
            *row,
        )
        if made:
            return key


def permitted(key: Key, scopes: Collection[Scope]) -> Key:
    """The key, if it has one of the scopes; who may write may read. Raises Problem 403."""
    if key.scope in scopes or (key.scope == "write" and "read" in scopes):
        return key
    needs = " or ".join(f"`{scope}`" for scope in scopes)
    why = f"This needs {needs}, the key has `{key.scope}`."
    if "operate" in scopes:
        why = (
            f"This is for all workspaces at once and needs `operate`, the key has `{key.scope}`: "
            "`tuvi keys create --scope operate` makes one."
        )
    raise Problem(403, "Key of another scope", why)


def hash_of(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).digest()
