"""Only SNS itself may tell us about mails: whose certificate, what is signed."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.ses.sns import string_to_sign as the_endpoints
from services.ingest.domain.sns import (
    Envelope,
    NotSns,
    NotTrusted,
    Trust,
    from_queue,
    string_to_sign,
    trusted_origin,
)

ARN = "arn:aws:sns:eu-west-1:123456789012:tuvi-ses"
CHINA = "arn:aws-cn:sns:cn-north-1:123456789012:tuvi-ses"
FILE = "/SimpleNotificationService-0a1B.pem"
TRUST = Trust([ARN, CHINA], ["http://127.0.0.1:8010"])


def envelope(url: str, arn: str = ARN) -> Envelope:
    return Envelope(
        type="Notification",
        message_id="1",
        topic_arn=arn,
        message="m",
        timestamp="t",
        signature_version="1",
        signature="s",
        signing_cert_url=url,
    )


@pytest.mark.parametrize(
    ("url", "arn", "origin"),
    [
        (f"https://sns.eu-west-1.amazonaws.com{FILE}", ARN, "https://sns.eu-west-1.amazonaws.com"),
        (
            f"https://sns.cn-north-1.amazonaws.com.cn{FILE}",
            CHINA,
            "https://sns.cn-north-1.amazonaws.com.cn",
        ),
        (f"http://127.0.0.1:8010{FILE}", ARN, "http://127.0.0.1:8010"),
    ],
)
def test_amazons_certificate_of_the_topics_region_is_taken(url: str, arn: str, origin: str) -> None:
    assert trusted_origin(envelope(url, arn), TRUST) == origin


@pytest.mark.parametrize(
    "url",
    [
        f"http://sns.eu-west-1.amazonaws.com{FILE}",
        f"https://sns.us-east-1.amazonaws.com{FILE}",
        f"https://sns.eu-west-1.amazonaws.com.cn{FILE}",
        f"https://sns.eu-west-1.amazonaws.com.evil.test{FILE}",
        f"https://evil.test/sns.eu-west-1.amazonaws.com{FILE}",
        f"https://sns.eu-west-1.amazonaws.com@evil.test{FILE}",
        f"https://evil@sns.eu-west-1.amazonaws.com{FILE}",
        f"https://sns.eu-west-1.amazonaws.com:8443{FILE}",
        f"https://snsxeu-west-1xamazonaws.com{FILE}",
        f"https://bucket.s3.amazonaws.com{FILE}",
        f"https://sns.eu-west-1.amazonaws.com/../x{FILE}",
        f"https://sns.eu-west-1.amazonaws.com{FILE}?x=1",
        f"https://sns.eu-west-1.amazonaws.com{FILE}#x",
        f"https://sns.eu-west-1.amazonaws.com{FILE}\n",
        f"https://sns.eu-west-1.amazonaws.com/{FILE}",
        "https://sns.eu-west-1.amazonaws.com/other.pem",
        f"http://127.0.0.1:80100{FILE}",
        f"http://127.0.0.1{FILE}",
        "",
    ],
)
def test_no_other_certificate_is_fetched(url: str) -> None:
    with pytest.raises(NotTrusted, match="SigningCertURL"):
        trusted_origin(envelope(url), TRUST)


@pytest.mark.parametrize("arn", ["", "arn:aws:sns:eu-west-1:123456789012:other", ARN + "\n"])
def test_a_topic_that_is_not_listed_is_not_heard(arn: str) -> None:
    with pytest.raises(NotTrusted, match="TopicArn"):
        trusted_origin(envelope(f"https://sns.eu-west-1.amazonaws.com{FILE}", arn), TRUST)


def test_what_is_signed_is_what_the_endpoint_signs() -> None:
    said = envelope("u")
    fields = {"Message": "m", "MessageId": "1", "Timestamp": "t", "TopicArn": ARN}

    assert string_to_sign(said) == the_endpoints({**fields, "Type": "Notification"})


def enclosed(**other: str) -> str:
    said = {
        "Type": "Notification",
        "MessageId": "1",
        "TopicArn": ARN,
        "Message": "hello",
        "Timestamp": "2026-03-01T12:00:00.000Z",
    }
    return json.dumps(said | other)


def test_the_queue_brings_the_topics_envelope_or_the_text_itself() -> None:
    assert from_queue(enclosed(), [ARN]) == ("hello", datetime(2026, 3, 1, 12, tzinfo=UTC))
    for raw in ("Successfully validated SNS topic", '{"eventType": "Send"}', "[]", "", "7"):
        assert from_queue(raw, [ARN]) == (raw, None)


@pytest.mark.parametrize("topics", [[], [CHINA], [ARN[:-1]]])
def test_a_topic_that_is_not_listed_is_not_heard_in_the_queue_either(topics: list[str]) -> None:
    with pytest.raises(NotTrusted, match="TopicArn"):
        from_queue(enclosed(), topics)


@pytest.mark.parametrize(
    "body",
    [
        enclosed(Type="SubscriptionConfirmation"),
        enclosed(Timestamp="yesterday"),
        enclosed(Type="Else"),
        json.dumps({"TopicArn": ARN}),
    ],
)
def test_an_envelope_of_something_else_is_left_in_the_queue(body: str) -> None:
    with pytest.raises(NotSns):
        from_queue(body, [ARN])


@given(st.text() | st.sampled_from([enclosed(), "{}"]), st.integers(0, 200), st.text())
def test_no_body_of_the_queue_breaks_it(body: str, where: int, other: str) -> None:
    try:
        said = from_queue(body[:where] + other + body[where + len(other) :], [ARN])
    except (NotSns, NotTrusted):
        return
    assert said.at is None or said.at.tzinfo is not None
