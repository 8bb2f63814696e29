"""Which workspace a request's key belongs to, also while PostgreSQL is away.

`Authorization: Basic base64(key + ":")` as stock SDKs send it, `Bearer key`, or `writeKey` in the
body. An import needs a bearer key of scope `write`.
"""

import asyncio
import base64
import binascii
import time
from typing import NamedTuple, Protocol

import asyncpg
import structlog

from shared.auth import Scope
from shared.errors import Problem

log = structlog.get_logger()
FRESH_SECONDS = 1.0
STALE_SECONDS = 300.0  # how long a key that was good is taken while PostgreSQL is away
LONGEST_KEY = 200
ASK_SECONDS = 2.0
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class AllKeys(Protocol):
    """shared.auth.Keys."""

    async def workspace(self, token: str, scope: Scope) -> str: ...


class Known(NamedTuple):
    workspace: str
    asked_at: float


class WriteKeys:
    """Answers from memory for a second, and one question at a time to the database."""

    def __init__(self, keys: AllKeys) -> None:
        self._keys = keys
        self._known: dict[tuple[str, Scope], Known] = {}
        self._asking = asyncio.Lock()

    async def workspace(self, token: str, scope: Scope) -> str:
        """Raises Problem: 401, 403, or 503 when nobody can be asked."""
        known = self._known.get((token, scope))
        if known is not None and time.monotonic() - known.asked_at < FRESH_SECONDS:
            return known.workspace
        if not token or len(token) > LONGEST_KEY:
            raise missing()
        async with self._asking:
            known = self._known.get((token, scope))
            if known is not None and time.monotonic() - known.asked_at < FRESH_SECONDS:
                return known.workspace
            return await self._ask(token, scope, known)

    async def _ask(self, token: str, scope: Scope, known: Known | None) -> str:
        now = time.monotonic()
        try:
            async with asyncio.timeout(ASK_SECONDS):
                workspace = await self._keys.workspace(token, scope)
        except Problem:
            self._known.pop((token, scope), None)
            raise
        except _AWAY as error:
            log.warning("keys cannot be read", error=type(error).__name__)
            if known is None or now - known.asked_at > STALE_SECONDS:
                raise Problem(
                    503, "Keys cannot be read", "Send it again in a moment.", retry_after=2
                ) from error
            return known.workspace
        self._known[token, scope] = Known(workspace, now)
        return workspace


def token_of(authorization: str) -> tuple[str, str]:
    """(kind, key) of an Authorization header; empty if there is none that we read."""
    kind, _, credentials = authorization.partition(" ")
    kind, credentials = kind.lower(), credentials.strip()
    if kind == "bearer":
        return kind, credentials
    if kind != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Problem(401, "Unreadable key", "Send Basic base64 of `<key>:`.") from None
    return kind, name or password


def missing() -> Problem:
    return Problem(
        401, "Key missing", "Send a write key: Basic `<key>:`, Bearer, or `writeKey` in the body."
    )
