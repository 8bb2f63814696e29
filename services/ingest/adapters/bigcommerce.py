"""BigCommerce's API over the network: one resource a call, nothing large, no redirects."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import aiohttp
import msgspec

from services.ingest.domain.shops.bigcommerce_wants import (
    SAME_FOR_ALL,
    Thin,
    is_listed,
    resource,
    store_hash,
    wanted,
)
from services.ingest.domain.shops.source import Source
from shared.contracts.codec import decode_plain
from shared.contracts.wire import Plain

BASE = "https://api.bigcommerce.com"
PATIENCE = aiohttp.ClientTimeout(total=10)
MAX_BYTES = 8 * 1024 * 1024
SPARE = 8  # requests of the window that are left to the shop's other apps
LONGEST_REST = 300.0  # seconds, of a quota
TOLERATED = 3  # failures one after the other; then a source rests, for longer each time
LONGEST_PAUSE = 60.0  # seconds
REMEMBERED = 3600.0  # seconds
_GONE = {404, 410}
_NOTHING = 204
_OK = 200
_TOO_MANY = 429
_NO_ENTRY = {401, 403}
_SERVER = 500


class Store(NamedTuple):
    """Whose API, for which source."""

    source: str
    hash: str
    token: str


class Missing(Exception):  # noqa: N818  named for the fact
    """There is no such thing, or not any more."""


class Unwilling(Exception):  # noqa: N818  named for the fact
    """Not now. `after`: seconds, if BigCommerce says when; `own`: the fetch's own trouble."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.after = reason, after


class Impossible(Exception):  # noqa: N818  named for the fact
    """Never: BigCommerce does not know what is asked for."""


class BigCommerce:
    """`base` is another one in tests. Sources whose quota is used up rest, and those whose API
    fails again and again, so that they do not hold up others.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: str = BASE,
        patience: aiohttp.ClientTimeout = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._base, self._patience = session, base.rstrip("/"), patience
        self._clock = clock
        self._rests: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._remembered: dict[tuple[str, str], tuple[float, Any]] = {}

    def resting(self) -> set[str]:
        """The sources that must not be asked for now."""
        now = self._clock()
        self._rests = {source: until for source, until in self._rests.items() if until > now}
        return set(self._rests)

    async def subject(self, source: Source, said: Thin) -> Plain:
        """What a webhook speaks of, as the tables read it: the first of `wanted`; only if that one
        is not there, it is gone. Raises Unfit, Missing, Unwilling, Impossible.
        """
        paths = wanted(said.scope, said.data)
        if not source.access_token:
            raise Unwilling("the source has no access_token; give it one")
        store = Store(source.name, store_hash(source.settings, said), source.access_token)
        known = source.settings.get("url") and source.settings.get("currency")
        found: dict[str, Any] = {"data": said.data}
        about = next(iter(paths))
        for name, path in paths.items():
            of_store = path in SAME_FOR_ALL  # not every token may read it
            if of_store and known:
                continue
            try:
                found[name] = await self._resource(store, path, remember=of_store)
            except Missing as missing:
                if name == about:
                    raise
                raise Unwilling(f"BigCommerce has no {name} for it now") from missing
        return found

    async def _resource(self, store: Store, path: str, *, remember: bool) -> Any:
        found = resource(path, await self.get(store, path, remember=remember))
        if found is None and is_listed(path):
            raise Missing
        if found is None:
            raise Unwilling("BigCommerce's answer has no data")
        return found

    async def get(self, store: Store, path: str, *, remember: bool = False) -> Any:
        """What the API answers, decoded. Raises Missing, Unwilling, Impossible."""
        known = self._remembered.get((store.source, path))
        if remember and known and known[0] > self._clock():
            return known[1]
        try:
            found = await self._ask(store, path)
        except Unwilling:
            self._note_failure(store)
            raise
        except (Missing, Impossible):
            self._failures.pop(store.source, None)
            raise
        self._failures.pop(store.source, None)
        if remember:
            self._remembered[store.source, path] = (self._clock() + REMEMBERED, found)
        return found

    async def _ask(self, store: Store, path: str) -> Any:
        url = f"{self._base}/stores/{store.hash}{path}"
        headers = {"x-auth-token": store.token, "accept": "application/json"}
        try:
            async with self._session.get(
                url, headers=headers, allow_redirects=False, timeout=self._patience
            ) as answer:
                self._note_quota(store, answer)
                _judge(answer)
                return [] if answer.status == _NOTHING else await _read(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unwilling(f"BigCommerce cannot be reached: {type(error).__name__}") from error

    def _note_failure(self, store: Store) -> None:
        times = self._failures[store.source] = self._failures.get(store.source, 0) + 1
        if times >= TOLERATED:
            rest = min(2.0 ** (times - TOLERATED), LONGEST_PAUSE)
            until = self._clock() + rest
            self._rests[store.source] = max(self._rests.get(store.source, 0), until)

    def _note_quota(self, store: Store, answer: aiohttp.ClientResponse) -> None:
        left = answer.headers.get("X-Rate-Limit-Requests-Left", "")
        spent = answer.status == _TOO_MANY or (left.isdecimal() and int(left[:9]) < SPARE)
        reset = _reset(answer)
        if spent and reset is not None:
            self._rests[store.source] = self._clock() + reset


def _judge(answer: aiohttp.ClientResponse) -> None:
    status = answer.status
    if status in (_OK, _NOTHING):
        return
    if status in _GONE:
        raise Missing
    if status == _TOO_MANY:
        raise Unwilling("BigCommerce's quota is used up", _reset(answer))
    if status in _NO_ENTRY:
        raise Unwilling(f"BigCommerce refuses the access token ({status})")
    if status >= _SERVER:
        raise Unwilling(f"BigCommerce answers {status}")
    raise Impossible(f"BigCommerce answers {status}")


def _reset(answer: aiohttp.ClientResponse) -> float | None:
    """Seconds until the quota is whole again."""
    said = answer.headers.get("X-Rate-Limit-Time-Reset-Ms", "")
    return min(int(said[:9]) / 1000, LONGEST_REST) if said.isdecimal() else None


async def _read(answer: aiohttp.ClientResponse) -> Any:
    data = bytearray()
    async for part in answer.content.iter_chunked(64 * 1024):
        data += part
        if len(data) > MAX_BYTES:
            raise Impossible(f"the answer has more than {MAX_BYTES} bytes")
    try:
        return decode_plain(bytes(data))
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise Unwilling("BigCommerce's answer is no JSON") from error
