"""The key of a request and whose it is, also while PostgreSQL is away.

`Authorization: Basic base64(key + ":")` as stock SDKs send it, `Bearer key`, or `writeKey` in the
body. An import needs a bearer key of scope `write`.
"""

import asyncio
import base64
import time
from collections.abc import Coroutine
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeVar

import structlog

from shared.db.pool import AWAY
from shared.errors import Problem
from shared.keys import Key, Scope, permitted
from shared.tasks import unheard

log = structlog.get_logger()
T = TypeVar("T")
FRESH_SECONDS = 1.0
STALE_SECONDS = 300.0  # how long a key that was good is taken while PostgreSQL is away
LONGEST_KEY = 200
LONGEST_HEADER = 400  # such a key in base64, and room
ASK_SECONDS = 2.0
QUIET_SECONDS = 3.0  # after a question without an answer, before the next is asked


class AllKeys(Protocol):
    """shared.auth.Keys."""

    async def known(self, token: str) -> Key: ...

    async def origins(self) -> frozenset[str]: ...


class Known(NamedTuple):
    key: Key
    asked_at: float


class WriteKeys:
    """Answers from memory for a second, and one question at a time to the database.

    After a question that nobody answered, memory answers at once: for a while, and while one
    caller tries again.
    """

    def __init__(self, keys: AllKeys) -> None:
        self._keys = keys
        self._known: dict[str, Known] = {}
        self._origins: frozenset[str] = frozenset()
        self._origins_at = float("-inf")
        self._asking = asyncio.Lock()
        self._quiet_until = 0.0  # monotonic; 0 while the database answers

    async def key(self, token: str, *scopes: Scope) -> Key:
        """The key, if it has one of the scopes.

        Raises Problem: 401, 403, or 503 when nobody can be asked.
        """
        if not token or len(token) > LONGEST_KEY:
            raise missing()
        key = self._remembered(token)
        if key is None:
            async with self._asking:  # who waited here may know what the one before learned
                key = self._remembered(token) or await self._ask(token)
        return key if key.scope in scopes else permitted(key, scopes)

    def remembered(self, token: str, *scopes: Scope) -> Key | None:
        """The same without asking anybody; None if somebody must be asked. Raises Problem 503."""
        key = self._remembered(token)
        return key if key is not None and key.scope in scopes else None

    def _remembered(self, token: str) -> Key | None:
        """None if the database is to be asked. Raises Problem 503: it is away and nobody knows."""
        now = time.monotonic()
        if now < self._quiet_until:
            return self._unasked(token, now)
        known = self._known.get(token)
        return known.key if known and now - known.asked_at < FRESH_SECONDS else None

    def _unasked(self, token: str, now: float) -> Key:
        known = self._known.get(token)
        if known is None or now - known.asked_at >= STALE_SECONDS:
            raise Problem(503, "Keys cannot be read", "Send it again in a moment.", retry_after=2)
        return known.key

    async def origins(self) -> frozenset[str]:
        """Of all keys: the pages that may send something, as far as is known."""
        if self._origins_old():
            async with self._asking:
                if self._origins_old():
                    with suppress(*AWAY):
                        self._origins = await self._answer(self._keys.origins())
                    self._origins_at = time.monotonic()
        return self._origins

    def _origins_old(self) -> bool:
        now = time.monotonic()
        return now >= self._quiet_until and now - self._origins_at >= FRESH_SECONDS

    async def _ask(self, token: str) -> Key:
        now = time.monotonic()
        try:
            key = await self._answer(self._keys.known(token))
        except Problem:
            self._known.pop(token, None)
            raise
        except AWAY:
            return self._unasked(token, time.monotonic())
        self._known[token] = Known(key, now)
        return key

    async def _answer(self, question: Coroutine[Any, Any, T]) -> T:
        """The database's; without one it is left alone for a while."""
        if self._quiet_until:
            self._quiet_until = time.monotonic() + ASK_SECONDS + QUIET_SECONDS
        try:
            answer = await _within(ASK_SECONDS, question)
        except Problem:
            self._quiet_until = 0.0
            raise
        except AWAY as error:
            log.warning("keys cannot be read", error=type(error).__name__)
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            raise
        self._quiet_until = 0.0
        return answer


async def _within(seconds: float, question: Coroutine[Any, Any, T]) -> T:
    """Its answer; TimeoutError on time, also when the question does not let itself be cancelled.

    asyncpg, asked to cancel by a server that is silent, waits for the server: `asyncio.timeout`
    would wait with it.
    """
    asked = asyncio.create_task(question)
    asked.add_done_callback(unheard)
    try:
        await asyncio.wait({asked}, timeout=seconds)
        if asked.done():
            return asked.result()
    finally:
        asked.cancel()
    raise TimeoutError


def token_of(authorization: str) -> tuple[str, str]:
    """(kind, key) of an Authorization header; empty if there is none that we read.

    Raises Problem 401, also of one too long to be remembered: anybody may send it.
    """
    if len(authorization) > LONGEST_HEADER:
        why = f"An Authorization header of a key has at most {LONGEST_HEADER} characters."
        raise Problem(401, "Unreadable key", why)
    return _token_of(authorization)


@lru_cache(maxsize=1024)
def _token_of(authorization: str) -> tuple[str, str]:
    kind, _, credentials = authorization.partition(" ")
    kind, credentials = kind.lower(), credentials.strip()
    if kind == "bearer":
        return kind, credentials
    if kind != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:  # no base64, no UTF-8, no ASCII
        raise Problem(401, "Unreadable key", "Send Basic base64 of `<key>:`.") from None
    return kind, name or password


def missing() -> Problem:
    return Problem(
        401, "Key missing", "Send a write key: Basic `<key>:`, Bearer, or `writeKey` in the body."
    )
