"""The endpoint takes what botocore signs and nothing that was changed afterwards."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.ses.refusal import Refusal
from deploy.local.ses.signature import Call, Verifier

PATH = "/v2/email/outbound-emails"
VERIFIER = Verifier("AKID", "secret")
header_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


def signed(body: bytes, extra: dict[str, str] | None = None, path: str = PATH) -> Call:
    request = AWSRequest("POST", f"http://127.0.0.1:8010{path}", data=body, headers=extra or {})
    SigV4Auth(Credentials("AKID", "secret"), "ses", "eu-north-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call("POST", path, headers | {"host": "127.0.0.1:8010"}, body)


def refused(call: Call, now: datetime | None = None) -> str:
    with pytest.raises(Refusal) as refusal:
        VERIFIER.check(call, now or datetime.now(UTC))
    return refusal.value.kind


@given(st.binary(), header_values)
def test_whatever_botocore_signs_is_taken(body: bytes, value: str) -> None:
    VERIFIER.check(signed(body, {"X-Custom": value}), datetime.now(UTC))


def test_a_query_and_escapes_in_the_path_are_part_of_it() -> None:
    call = signed(b"", path="/v2/email/suppression/addresses/a%40b.test?Reason=BOUNCE&PageSize=5")
    VERIFIER.check(call, datetime.now(UTC))
    assert refused(replace(call, target=call.target + "0")) == "SignatureDoesNotMatch"


@given(st.binary(), st.binary(min_size=1))
def test_a_changed_body_is_refused(body: bytes, more: bytes) -> None:
    assert refused(replace(signed(body), body=body + more)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("seconds", "kind"),
    [(301, "InvalidSignatureException"), (-302, "InvalidSignatureException")],
)
def test_only_five_minutes_around_now_count(seconds: int, kind: str) -> None:
    call = signed(b"{}")
    then = datetime.fromisoformat(call.headers["x-amz-date"])
    VERIFIER.check(call, then + timedelta(seconds=299))
    assert refused(call, then + timedelta(seconds=seconds)) == kind


@pytest.mark.parametrize(
    ("header", "value", "kind"),
    [
        ("authorization", "", "MissingAuthenticationTokenException"),
        ("authorization", "Bearer token", "IncompleteSignatureException"),
        ("x-amz-date", "20260231T000000Z", "InvalidSignatureException"),
        ("x-amz-date", "yesterday", "InvalidSignatureException"),
        ("host", "elsewhere", "SignatureDoesNotMatch"),
        ("x-amz-content-sha256", "0" * 64, "InvalidSignatureException"),
    ],
)
def test_a_header_that_is_wrong_is_named(header: str, value: str, kind: str) -> None:
    call = signed(b"{}")
    assert refused(replace(call, headers=call.headers | {header: value})) == kind


def test_another_key_is_refused() -> None:
    call = signed(b"{}")
    with pytest.raises(Refusal, match="security token"):
        Verifier("OTHER", "secret").check(call, datetime.now(UTC))
