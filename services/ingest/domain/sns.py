"""SNS's messages: what they say, what is signed, whose certificate may have signed it. Pure.

string to sign = Message, MessageId, [Subject], [SubscribeURL], Timestamp, [Token], TopicArn,
                 Type; each as name, newline, value, newline; those that are there
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec

Kind = Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
_FOR_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_FOR_CONFIRMATION = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
_ARN = re.compile(r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z0-9-]{1,32}):[0-9]{12}:[\w-]{1,256}")
_FILE = r"/SimpleNotificationService-[0-9A-Za-z]{1,80}\.pem"


class NotSns(ValueError):  # noqa: N818  named for the fact
    """The body is no message of SNS; the text says what is wrong."""


class NotTrusted(ValueError):  # noqa: N818  named for the fact
    """It may be SNS's, but not of a topic or with a certificate that is ours to trust."""


class Envelope(msgspec.Struct, frozen=True, rename="pascal"):
    """As SNS posts it."""

    type: Kind
    message_id: str
    topic_arn: str
    message: str
    timestamp: str
    signature_version: Literal["1", "2"]
    signature: str
    signing_cert_url: str = msgspec.field(name="SigningCertURL")
    subject: str | None = None
    token: str | None = None
    subscribe_url: str | None = msgspec.field(name="SubscribeURL", default=None)


class Trust(NamedTuple):
    """`topics`: TopicArns that are ours. `origins`: trusted besides Amazon's, `http://host:port`."""

    topics: Collection[str]
    origins: Collection[str] = ()


_decoder = msgspec.json.Decoder(Envelope)


def parse(body: bytes) -> Envelope:
    """Raises NotSns."""
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotSns(f"no message of SNS: {error}") from error


def string_to_sign(envelope: Envelope) -> bytes:
    names = _FOR_NOTIFICATION if envelope.type == "Notification" else _FOR_CONFIRMATION
    values = {
        "Message": envelope.message,
        "MessageId": envelope.message_id,
        "Subject": envelope.subject,
        "SubscribeURL": envelope.subscribe_url,
        "Timestamp": envelope.timestamp,
        "Token": envelope.token,
        "TopicArn": envelope.topic_arn,
        "Type": envelope.type,
    }
    given = ((name, values[name]) for name in names)
    return "".join(f"{n}\n{value}\n" for n, value in given if value is not None).encode()


def trusted_origin(envelope: Envelope, trust: Trust) -> str:
    """Where its certificate may be fetched and a subscription be confirmed. Raises NotTrusted.

    Only Amazon's own host of the topic's own region: other subdomains belong to anybody.
    """
    arn = _ARN.fullmatch(envelope.topic_arn)
    if arn is None or envelope.topic_arn not in trust.topics:
        raise NotTrusted("TopicArn: is not in TUVI_SNS_TOPICS")
    end = ".cn" if arn[1] == "aws-cn" else ""
    amazon = f"https://sns.{arn[2]}.amazonaws.com{end}"
    for origin in (amazon, *(given.rstrip("/") for given in trust.origins)):
        if re.fullmatch(re.escape(origin) + _FILE, envelope.signing_cert_url, re.ASCII):
            return origin
    raise NotTrusted(f"SigningCertURL: must be a certificate of {amazon}")


class Queued(NamedTuple):
    """What a message of the queue says: SES's text, and when SNS had it, where that is said."""

    text: str
    at: datetime | None = None


class _Enclosed(msgspec.Struct, rename="pascal"):
    type: Kind
    topic_arn: str
    message: str
    timestamp: datetime


_enclosed = msgspec.json.Decoder(_Enclosed)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def from_queue(body: str, topics: Collection[str]) -> Queued:
    """SNS's envelope, or with "raw message delivery" SES's own text.

    The queue's policy says who may put something in, so no signature is asked for, but the topic
    must be listed. Raises NotTrusted, and NotSns for an envelope that is none of a notification.
    """
    try:
        fields = _fields.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Queued(body)
    if not fields.keys() & {"TopicArn", "Type"}:
        return Queued(body)
    try:
        given = _enclosed.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotSns(f"no message of SNS: {error}") from error
    if given.topic_arn not in topics:
        raise NotTrusted("TopicArn: is not in TUVI_SNS_TOPICS")
    if given.type != "Notification":
        raise NotSns(f"{given.type}: subscribe the queue as its owner, which needs no confirmation")
    at = given.timestamp
    return Queued(given.message, at.replace(tzinfo=UTC) if at.tzinfo is None else at)
