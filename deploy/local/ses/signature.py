"""SigV4 checked for real, with botocore's own signer, so that a fast path of ours is proven."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from deploy.local.ses.refusal import Refusal, forbidden

WINDOW = timedelta(minutes=5)
SERVICE = "ses"
STAMP = "%Y%m%dT%H%M%SZ"
STAMPED = re.compile(r"\d{8}T\d{6}Z")
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9]+)/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True)
class Call:
    """A request as it came. Header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Verifier:
    def __init__(self, access_key: str, secret_key: str) -> None:
        self._access_key = access_key
        self._credentials = Credentials(access_key, secret_key)
        self._signers: dict[str, SigV4Auth] = {}

    def check(self, call: Call, now: datetime) -> None:
        """Raise SES's own refusal unless the call is signed with our key, for now (wall time)."""
        if not (header := call.headers.get("authorization")):
            raise forbidden("MissingAuthenticationTokenException", "Missing Authentication Token")
        if not (match := AUTHORIZATION.fullmatch(header)):
            raise Refusal(
                400, "IncompleteSignatureException", "Authorization header is not AWS4-HMAC-SHA256."
            )
        access_key, day, region, service, signed_names, signature = match.groups()
        if access_key != self._access_key:
            raise forbidden(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            )
        stamp = call.headers.get("x-amz-date", "")
        _check_scope(service, day, stamp)
        _check_age(stamp, now)
        expected = self._signature(call, signed_names.split(";"), region, stamp)
        if not hmac.compare_digest(expected, signature):
            raise forbidden(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method.",
            )

    def _signature(self, call: Call, names: list[str], region: str, stamp: str) -> str:
        _check_names(call, names)
        request = AWSRequest(
            method=call.method,
            url=f"http://{call.headers['host']}{call.target}",
            data=call.body,
            headers={name: call.headers[name] for name in names},
        )
        request.context["timestamp"] = stamp
        signer = self._signers.setdefault(region, SigV4Auth(self._credentials, SERVICE, region))
        text = signer.string_to_sign(request, signer.canonical_request(request))
        signature: str = signer.signature(text, request)
        return signature


def _check_scope(service: str, day: str, stamp: str) -> None:
    if service != SERVICE:
        raise forbidden(
            "InvalidSignatureException",
            f"Credential should be scoped to correct service: '{SERVICE}'.",
        )
    if stamp[:8] != day:
        raise forbidden(
            "InvalidSignatureException", "Date in Credential scope does not match x-amz-date."
        )


def _check_age(stamp: str, now: datetime) -> None:
    try:
        signed = datetime.fromisoformat(stamp if STAMPED.fullmatch(stamp) else "")
    except ValueError as error:
        raise Refusal(
            400, "IncompleteSignatureException", f"x-amz-date must look like {STAMP}."
        ) from error
    if signed < now - WINDOW:
        raise forbidden(
            "InvalidSignatureException",
            f"Signature expired: {stamp} is now earlier than "
            f"{(now - WINDOW).strftime(STAMP)} ({now.strftime(STAMP)} - 5 min.)",
        )
    if signed > now + WINDOW:
        raise forbidden(
            "InvalidSignatureException",
            f"Signature not yet current: {stamp} is still later than "
            f"{(now + WINDOW).strftime(STAMP)} ({now.strftime(STAMP)} + 5 min.)",
        )


def _check_names(call: Call, names: list[str]) -> None:
    """AWS wants host and date signed; a body hash that is sent must be the body's."""
    if missing := {"host", "x-amz-date"} - set(names):
        raise forbidden("InvalidSignatureException", f"{sorted(missing)} must be a signed header.")
    if absent := [name for name in names if name not in call.headers]:
        raise forbidden("InvalidSignatureException", f"Signed header {absent[0]} is not there.")
    claimed = call.headers.get("x-amz-content-sha256")
    if claimed and claimed != hashlib.sha256(call.body).hexdigest():
        raise forbidden(
            "InvalidSignatureException", "x-amz-content-sha256 is not the hash of the body."
        )
