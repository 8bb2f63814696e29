"""SNS over the network: certificates, signatures, the confirmation of a subscription."""

import asyncio
import base64
import binascii

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


class Sns:
    """Verifies and confirms; certificates are kept, for SNS changes theirs every few months."""

    def __init__(self, session: aiohttp.ClientSession, trust: Trust) -> None:
        self._session, self._trust = session, trust
        self._keys: dict[str, rsa.RSAPublicKey] = {}
        self._fetching = asyncio.Lock()

    async def verify(self, envelope: Envelope) -> None:
        """Raises NotTrusted, or Problem 503 when the certificate cannot be fetched."""
        trusted_origin(envelope, self._trust)
        key = await self._key(envelope.signing_cert_url)
        # Version 1 is SHA-1: SNS's default still. What is signed is short-lived and our own topic.
        digest = hashes.SHA256() if envelope.signature_version == "2" else hashes.SHA1()  # noqa: S303
        try:
            signature = base64.b64decode(envelope.signature, validate=True)
            key.verify(signature, string_to_sign(envelope), padding.PKCS1v15(), digest)
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

    async def _key(self, url: str) -> rsa.RSAPublicKey:
        async with self._fetching:
            if url not in self._keys:
                if len(self._keys) >= MAX_CERTIFICATES:
                    self._keys.clear()
                self._keys[url] = _read(await self._fetch(url))
            return self._keys[url]

    async def _fetch(self, url: str) -> bytes:
        try:
            async with self._session.get(url, allow_redirects=False, timeout=PATIENCE) as answer:
                found = await answer.content.read(MAX_CERTIFICATE_BYTES)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _later("The certificate of SNS could not be fetched") from error
        if status != OK:
            raise _later("The certificate of SNS could not be fetched")
        return found


def _read(pem: bytes) -> rsa.RSAPublicKey:
    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
    except ValueError as error:
        raise NotTrusted("SigningCertURL: has no certificate") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise NotTrusted("SigningCertURL: the certificate has no RSA key")
    return key


def _later(title: str) -> Problem:
    return Problem(503, title, "Post it again in a moment.", retry_after=2)
