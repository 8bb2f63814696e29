"""What SES's answers mean: the table of FACTS, and nothing unknown is taken for sent or unsent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.answers import answer


@pytest.mark.parametrize(
    ("status", "name", "message", "meaning"),
    [
        (429, "TooManyRequestsException", "", "later"),
        (429, "", "", "later"),
        (400, "Throttling", "Maximum sending rate exceeded.", "later"),
        (400, "LimitExceededException", "", "later"),
        (400, "LimitExceededException", "Daily message quota exceeded.", "account"),
        (429, "TooManyRequestsException", "Daily message quota exceeded", "account"),
        (400, "SendingPausedException", "", "account"),
        (400, "AccountSuspendedException", "", "account"),
        (403, "InvalidSignatureException", "Signature expired", "account"),
        (403, "SomethingNew", "", "account"),
        (400, "MessageRejected", "Email address is not verified.", "never"),
        (400, "MailFromDomainNotVerifiedException", "", "never"),
        (404, "NotFoundException", "", "never"),
        (400, "BadRequestException", "", "never"),
        (413, "", "", "never"),
        (500, "InternalFailure", "", "lost"),
        (503, "ServiceUnavailable", "", "lost"),
        (408, "", "", "lost"),
        (200, "", "", "lost"),
        (301, "", "", "lost"),
    ],
)
def test_refusals(status: int, name: str, message: str, meaning: str) -> None:
    body = json.dumps({"message": message}).encode()
    assert answer(status, name, body).meaning == meaning
    assert answer(status, f"aws#{name}:http://internal/", body).meaning == meaning


def test_accepted_with_its_id() -> None:
    got = answer(200, "", b'{"MessageId": "p-1"}')
    assert (got.meaning, got.provider_id) == ("accepted", "p-1")


@given(st.integers(100, 599), st.text(max_size=30), st.binary(max_size=60))
def test_nothing_is_taken_for_accepted_without_an_id(status: int, name: str, body: bytes) -> None:
    got = answer(status, name, body)
    assert got.meaning != "accepted" or got.provider_id
    if status >= 500 or status < 400:
        assert got.meaning in ("accepted", "lost", "account")
