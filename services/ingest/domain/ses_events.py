"""SES's events -> delivery events, by the tags that the sender gave the mail. Pure.

Which is which stands in the table at the end. Carries no address and no server's free words,
which often hold one.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from shared.contracts import DeliveryEvent
from shared.contracts.events import DeliveryType
from shared.tags import from_tag

MAX_TEXT = 500
MAX_LINK = 2_000
_WORD = re.compile(r"[\w.:/ -]{1,80}", re.ASCII)
_TAGS = ("journey", "step", "variant", "run", "template", "topic")


class Unreadable(ValueError):  # noqa: N818  named for the fact
    """An event, but not as SES documents it."""


class _Mail(msgspec.Struct, rename="camel"):
    timestamp: datetime
    message_id: str = ""
    tags: dict[str, list[str]] = {}


class _Document(msgspec.Struct):
    event_type: str = msgspec.field(name="eventType", default="")
    mail: msgspec.Raw = msgspec.Raw()


class Detail(msgspec.Struct, rename="camel"):
    """What is read of the object that has the event's name."""

    timestamp: datetime | None = None
    bounce_type: str = ""
    bounce_sub_type: str = ""
    bounced_recipients: list[Any] | None = None
    complaint_feedback_type: str | None = None
    delay_type: str = ""
    reason: str = ""
    link: str | None = None
    user_agent: str | None = None


class Fact(NamedTuple):
    """What an event of SES means; `None` in the table's place of a type means nothing."""

    event: DeliveryType
    said: dict[str, Any]


def delivery_event(message: str, received_at: datetime) -> tuple[str, DeliveryEvent | None]:
    """(type for the count, the event). No event: SNS's first message, another's mail, no news.

    Raises Unreadable.
    """
    try:
        document = msgspec.json.decode(message, type=_Document)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        if message.lstrip().startswith("{"):
            raise Unreadable(f"no event: {error}") from error
        return "other", None  # the topic's first message is plain text
    read = _READ.get(document.event_type)
    if read is None:
        return "other", None
    try:
        mail = msgspec.json.decode(document.mail, type=_Mail)
        name = document.event_type[0].lower() + document.event_type[1:]
        details = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
        raw = details.get(name) or details.get("failure") or msgspec.Raw(b"{}")
        detail = msgspec.json.decode(raw, type=Detail)
        tags = {tag: from_tag(values[0]) for tag, values in mail.tags.items() if values}
        if not (tags.get("workspace") and tags.get("contact") and tags.get("message_id")):
            return "other", None
        fact = read(detail)
        return document.event_type, fact and _event(mail, tags, detail, fact, received_at)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError) as error:
        raise Unreadable(f"{document.event_type}: {error}") from error


def _event(
    mail: _Mail, tags: dict[str, str], detail: Detail, fact: Fact, received_at: datetime
) -> DeliveryEvent:
    at = detail.timestamp or mail.timestamp
    version = tags.get("version", "")
    said: dict[str, Any] = {**{tag: tags.get(tag, "") for tag in _TAGS}, **fact.said}
    return DeliveryEvent(
        workspace=tags["workspace"],
        contact=tags["contact"],
        message=tags["message_id"],
        event=fact.event,
        at=at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC),
        received_at=received_at,
        version=int(version) if version.isdecimal() and len(version) < 10 else 0,  # noqa: PLR2004
        provider_id=mail.message_id[:MAX_TEXT],
        **said,
    )


def _sent(_: Detail) -> Fact:
    return Fact("Sent", {})


def _delivered(_: Detail) -> Fact:
    return Fact("Delivered", {})


def _opened(detail: Detail) -> Fact:
    return Fact("Opened", {"user_agent": _text(detail.user_agent)})


def _clicked(detail: Detail) -> Fact:
    link = (detail.link or "").replace("\x00", "")[:MAX_LINK]
    return Fact("Clicked", {"link": link, "user_agent": _text(detail.user_agent)})


def _bounced(detail: Detail) -> Fact:
    """Nobody bounced: an answering machine wrote back. The mail was delivered."""
    kind = {"Permanent": "hard", "Transient": "soft"}.get(detail.bounce_type, "undetermined")
    what = _word(detail.bounce_sub_type)
    if not detail.bounced_recipients and kind == "soft":
        what = "OutOfOffice"
    return Fact("Bounced", {"bounce": kind, "bounce_detail": what, "reason": what})


def _complained(detail: Detail) -> Fact | None:
    """`not-spam`: somebody took it out of the spam folder, which is good news."""
    said = detail.complaint_feedback_type or ""
    return None if said == "not-spam" else Fact("Complained", {"reason": _word(said)})


def _rejected(detail: Detail) -> Fact:
    return Fact("Rejected", {"reason": _word(detail.reason)})


def _delayed(detail: Detail) -> Fact:
    return Fact("Delayed", {"reason": _word(detail.delay_type)})


def _failed(_: Detail) -> Fact:
    return Fact("Failed", {"reason": "rendering_failure"})


def _text(said: str | None) -> str:
    return (said or "").replace("\x00", "")[:MAX_TEXT]


def _word(said: str) -> str:
    return said if _WORD.fullmatch(said) else ""


_READ: dict[str, Callable[[Detail], Fact | None]] = {
    "Send": _sent,
    "Delivery": _delivered,
    "Open": _opened,
    "Click": _clicked,
    "Bounce": _bounced,
    "Complaint": _complained,
    "Reject": _rejected,
    "DeliveryDelay": _delayed,
    "Rendering Failure": _failed,
}
