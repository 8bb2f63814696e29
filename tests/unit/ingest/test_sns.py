"""Only SNS itself may tell us about mails: whose certificate, what is signed."""

import pytest

from deploy.local.ses.sns import string_to_sign as the_endpoints
from services.ingest.domain.sns import Envelope, NotTrusted, Trust, string_to_sign, trusted_origin

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
