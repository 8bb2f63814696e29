"""What SES's answers mean: the table of FACTS, and nothing unknown is taken for sent or unsent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.answers import MOST_SAID, answer


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


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ("Header X: value must be ASCII.", "Header X: value must be ASCII."),
        ("Missing final '@domain'", "Missing final …"),
        ("Email address is not verified. It is in region EU: maja.o'b@a.example", None),
        ("Illegal address 'two words@a.example', so no", "Illegal address …"),
        ("maja@a.example is none", ""),
        ("", ""),
    ],
)
def test_what_ses_says_of_a_mail_is_kept_without_addresses(said: str, detail: str | None) -> None:
    kept = "Email address is not verified. It is in region EU: …" if detail is None else detail
    got = answer(400, "BadRequestException", json.dumps({"message": said}).encode())
    assert (got.reason, got.detail) == ("BadRequestException", kept)


@given(st.text(max_size=900), st.emails())
def test_no_address_comes_through(text: str, address: str) -> None:
    for said in (text, f"{text}{address}", f"{address} {text}", f"{text} <{address}>: {text}"):
        detail = answer(400, "X", json.dumps({"message": said}).encode()).detail
        assert address not in detail
        assert "@" not in detail
        assert len(detail) <= MOST_SAID


@given(st.integers(100, 599), st.text(max_size=30), st.binary(max_size=60))
def test_nothing_is_taken_for_accepted_without_an_id(status: int, name: str, body: bytes) -> None:
    got = answer(status, name, body)
    assert got.meaning != "accepted" or got.provider_id
    if status >= 500 or status < 400:
        assert got.meaning in ("accepted", "lost", "account")
