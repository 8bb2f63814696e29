"""SES's SendEmail, the fast path: aiohttp and our own signer. One call, one try."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import structlog

from services.sender.adapters import signer
from services.sender.adapters.signer import Keys
from services.sender.domain.answers import Answer, answer

log = structlog.get_logger()
PATH = "/v2/email/outbound-emails"
CONNECT_SECONDS = 1.0  # counts towards promise 5: see SOCKET_SECONDS
KEEP_ALIVE_SECONDS = 4.0  # less than servers keep theirs: one closed under us would be ambiguous


@dataclass(frozen=True, slots=True)
class Request:
    """Signed once, on entering `sending`; AWS refuses it when it is five minutes old."""

    headers: dict[str, str]
    body: bytes


class Credentials:
    """botocore's chain (environment, files, instance, web identity), asked in a thread."""

    def __init__(self) -> None:
        self.keys: Keys | None = None
        self._found: Any = None

    async def keep(self, every: float = 30.0) -> None:
        """Until cancelled; temporary credentials are renewed by the chain."""
        while True:
            try:
                self.keys = await asyncio.to_thread(self._look)
            except Exception as error:  # noqa: BLE001  a chain of many parts; the old keys stay
                log.warning("no AWS credentials", reason=type(error).__name__)
            await asyncio.sleep(every if self.keys else 2.0)

    def _look(self) -> Keys | None:
        import botocore.session  # noqa: PLC0415  half a second that starting need not wait for

        if self._found is None:
            self._found = botocore.session.get_session().get_credentials()
        if self._found is None:
            return None
        frozen = self._found.get_frozen_credentials()
        return Keys(frozen.access_key, frozen.secret_key, frozen.token or "")


class Ses:
    """`async with Ses(...) as ses`. `endpoint` is empty for Amazon itself."""

    def __init__(
        self, endpoint: str, region: str, credentials: Credentials, seconds: float, most: int
    ) -> None:
        self._url = (endpoint or f"https://email.{region}.amazonaws.com").rstrip("/") + PATH
        self._host, self._region = urlsplit(self._url).netloc, region
        self._credentials, self._seconds, self._most = credentials, seconds, most
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._most, keepalive_timeout=KEEP_ALIVE_SECONDS, ttl_dns_cache=60
            ),
            timeout=aiohttp.ClientTimeout(
                total=self._seconds, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def ready(self) -> bool:
        return self._credentials.keys is not None

    def sign(self, body: bytes) -> Request:
        keys = self._credentials.keys
        if keys is None:
            raise RuntimeError("no credentials: nothing may be claimed without them")
        now = datetime.now(UTC)
        return Request(signer.sign(keys, self._region, self._host, PATH, body, now), body)

    async def post(self, request: Request) -> Answer:
        """What came of it; never raises but for cancellation."""
        if self._session is None:
            raise RuntimeError("used outside of its context")
        try:
            async with self._session.post(
                self._url, data=request.body, headers=request.headers, allow_redirects=False
            ) as response:
                kind = response.headers.get("x-amzn-errortype", "")
                return answer(response.status, kind, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Answer("later", type(error).__name__, too_fast=True)  # nothing was written
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Answer("lost", type(error).__name__)
