"""SNS over the network: certificates, signatures, the confirmation of a subscription."""

import asyncio
import base64
import binascii
from datetime import UTC, datetime
from typing import NamedTuple

import aiohttp
import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from services.ingest.domain.sns import Envelope, NotTrusted, Trust, string_to_sign, trusted_origin
from shared.errors import Problem

log = structlog.get_logger()
PATIENCE = aiohttp.ClientTimeout(total=5)
MAX_CERTIFICATE_BYTES = 64 * 1024
MAX_CERTIFICATES = 16
OK = 200


class Certificate(NamedTuple):
    """What is kept of one."""

    key: rsa.RSAPublicKey
    begins: datetime
    ends: datetime


class Sns:
    """Verifies and confirms; certificates are kept, for SNS changes theirs every few months."""

    def __init__(self, session: aiohttp.ClientSession, trust: Trust) -> None:
        self._session, self._trust = session, trust
        self._known: dict[str, Certificate] = {}
        self._fetching = asyncio.Lock()

    async def verify(self, envelope: Envelope) -> None:
        """Raises NotTrusted, or Problem 503 when the certificate cannot be fetched."""
        trusted_origin(envelope, self._trust)
        certificate = await self._certificate(envelope.signing_cert_url)
        if not certificate.begins <= datetime.now(UTC) <= certificate.ends:
            raise NotTrusted("SigningCertURL: the certificate is not valid at this time")
        # Version 1 is SHA-1: SNS's default still. What is signed is short-lived and our own topic.
        digest = hashes.SHA256() if envelope.signature_version == "2" else hashes.SHA1()  # noqa: S303
        try:
            signature = base64.b64decode(envelope.signature, validate=True)
            certificate.key.verify(signature, string_to_sign(envelope), padding.PKCS1v15(), digest)
        except (InvalidSignature, binascii.Error, ValueError) as error:
            raise NotTrusted("Signature: does not fit the message") from error

    async def confirm(self, envelope: Envelope) -> None:
        """With the token, through the API: getting the URL of a message would be anybody's wish."""
        origin = trusted_origin(envelope, self._trust)
        form = {
            "Action": "ConfirmSubscription",
            "Version": "2010-03-31",
            "TopicArn": envelope.topic_arn,
            "Token": envelope.token or "",
        }
        try:
            async with self._session.post(
                f"{origin}/", data=form, allow_redirects=False, timeout=PATIENCE
            ) as answer:
                await answer.content.read(MAX_CERTIFICATE_BYTES)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _later("The subscription could not be confirmed") from error
        if status != OK:
            log.warning("subscription not confirmed", topic=envelope.topic_arn, status=status)
            raise _later("The subscription could not be confirmed")
        log.info("subscription confirmed", topic=envelope.topic_arn)

    async def _certificate(self, url: str) -> Certificate:
        """One is fetched at a time; who brings one that is known waits for nobody."""
        if (known := self._known.get(url)) is not None:
            return known
        async with self._fetching:
            if url not in self._known:
                if len(self._known) >= MAX_CERTIFICATES:
                    self._known.clear()
                self._known[url] = _read(await self._fetch(url))
            return self._known[url]

    async def _fetch(self, url: str) -> bytes:
        try:
            async with self._session.get(url, allow_redirects=False, timeout=PATIENCE) as answer:
                found = await _whole(answer)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _later("The certificate of SNS could not be fetched") from error
        if status != OK:
            raise _later("The certificate of SNS could not be fetched")
        return found


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """One `read` gives what has come so far, which may be half of it."""
    found = bytearray()
    async for chunk in answer.content.iter_chunked(MAX_CERTIFICATE_BYTES):
        found += chunk
        if len(found) > MAX_CERTIFICATE_BYTES:
            raise NotTrusted("SigningCertURL: is no certificate, it is far too long")
    return bytes(found)


def _read(pem: bytes) -> Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except ValueError as error:
        raise NotTrusted("SigningCertURL: has no certificate") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise NotTrusted("SigningCertURL: the certificate has no RSA key")
    return Certificate(key, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def _later(title: str) -> Problem:
    return Problem(503, title, "Post it again in a moment.", retry_after=2)
