"""Whose hand has signed: a certificate counts while it is valid, and is fetched once."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Literal

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

from services.ingest.adapters.sns import Sns
from services.ingest.domain.sns import Envelope, NotTrusted, Trust, string_to_sign
from shared.errors import Problem

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ARN = "arn:aws:sns:eu-west-1:123456789012:tuvi-ses"
DAY = timedelta(days=1)
NOW = datetime.now(UTC)


def certificate(begins: datetime, ends: datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), x509.random_serial_number())
    made = builder.not_valid_before(begins).not_valid_after(ends).sign(KEY, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


PEMS = {
    "valid": certificate(NOW - DAY, NOW + DAY),
    "over": certificate(NOW - 2 * DAY, NOW - DAY),
    "tomorrow": certificate(NOW + DAY, NOW + 2 * DAY),
    "garbage": b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n",
}


@asynccontextmanager
async def amazon() -> AsyncIterator[tuple[str, Sns, list[str]]]:
    """The origin that is trusted, who verifies, and what was fetched."""
    fetched: list[str] = []

    async def pem(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        fetched.append(name)
        if name == "elsewhere":
            raise web.HTTPFound("/SimpleNotificationService-valid.pem")
        if name not in PEMS:
            raise web.HTTPNotFound
        return web.Response(body=PEMS[name])

    app = web.Application()
    app.router.add_get("/SimpleNotificationService-{name}.pem", pem)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    origin = f"http://{host}:{port}"
    try:
        async with aiohttp.ClientSession() as session:
            yield origin, Sns(session, Trust([ARN], [origin])), fetched
    finally:
        await runner.cleanup()


def signed(origin: str, name: str, version: Literal["1", "2"]) -> Envelope:
    plain = Envelope(
        type="Notification",
        message_id="1",
        topic_arn=ARN,
        message="hello",
        timestamp="2026-03-01T12:00:00Z",
        signature_version=version,
        signature="",
        signing_cert_url=f"{origin}/SimpleNotificationService-{name}.pem",
    )
    digest = hashes.SHA256() if version == "2" else hashes.SHA1()  # noqa: S303  version 1 is
    signature = KEY.sign(string_to_sign(plain), padding.PKCS1v15(), digest)
    return replace(plain, signature=base64.b64encode(signature).decode())


@pytest.mark.parametrize("version", ["1", "2"])
async def test_both_versions_are_taken_with_one_fetch_of_the_certificate(
    version: Literal["1", "2"],
) -> None:
    async with amazon() as (origin, sns, fetched):
        for _ in range(3):
            await sns.verify(signed(origin, "valid", version))
        assert fetched == ["valid"]


async def test_a_signature_of_the_one_version_is_none_of_the_other() -> None:
    async with amazon() as (origin, sns, _):
        with pytest.raises(NotTrusted, match="Signature"):
            await sns.verify(replace(signed(origin, "valid", "1"), signature_version="2"))


@pytest.mark.parametrize("name", ["over", "tomorrow", "garbage"])
async def test_a_certificate_that_is_not_valid_now_is_none(name: str) -> None:
    async with amazon() as (origin, sns, _):
        with pytest.raises(NotTrusted, match="SigningCertURL"):
            await sns.verify(signed(origin, name, "2"))


@pytest.mark.parametrize("name", ["nothing", "elsewhere"])
async def test_one_that_cannot_be_fetched_or_is_redirected_is_later(name: str) -> None:
    async with amazon() as (origin, sns, fetched):
        with pytest.raises(Problem) as refused:
            await sns.verify(signed(origin, name, "2"))
        assert refused.value.status == 503
        assert fetched == [name]
