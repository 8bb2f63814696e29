"""Amazon's words about a mail -> ours. Documents in the form of SES's documentation."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.ses_events import Unreadable, delivery_event
from shared.tags import to_tag

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SENT_AT, HAPPENED_AT = "2026-03-01T11:00:00.123Z", "2026-03-01T11:30:00.000Z"
TAGS = {"workspace": ["default"], "contact": ["c_1"], "message_id": ["m_1"], "step": ["one"]}


def document(kind: str, name: str = "", tags: Any = None, **detail: Any) -> str:
    mail = {"timestamp": SENT_AT, "messageId": "p-1", "destination": ["ann@example.com"]}
    return json.dumps(
        {
            "eventType": kind,
            "mail": mail | {"tags": TAGS if tags is None else tags},
            name or kind[0].lower() + kind[1:]: detail,
        }
    )


def bounce(kind: str, sub_type: str, to: list[str]) -> str:
    recipients = [{"emailAddress": one, "diagnosticCode": f"550 <{one}> unknown"} for one in to]
    return document(
        "Bounce",
        bounceType=kind,
        bounceSubType=sub_type,
        bouncedRecipients=recipients,
        timestamp=HAPPENED_AT,
    )


CASES: list[tuple[str, str, dict[str, Any]]] = [
    (document("Send"), "Sent", {}),
    (document("Delivery", timestamp=HAPPENED_AT), "Delivered", {}),
    (
        document("Open", timestamp=HAPPENED_AT, userAgent="Mozilla/5.0", ipAddress="192.0.2.1"),
        "Opened",
        {"user_agent": "Mozilla/5.0"},
    ),
    (
        document("Click", timestamp=HAPPENED_AT, userAgent="M", link="https://a.b/", linkTags=None),
        "Clicked",
        {"link": "https://a.b/", "user_agent": "M"},
    ),
    (
        bounce("Permanent", "General", ["ann@example.com"]),
        "Bounced",
        {"bounce": "hard", "bounce_detail": "General"},
    ),
    (
        bounce("Transient", "MailboxFull", ["ann@example.com"]),
        "Bounced",
        {"bounce": "soft", "bounce_detail": "MailboxFull"},
    ),
    (
        bounce("Transient", "General", []),
        "Bounced",
        {"bounce": "soft", "bounce_detail": "OutOfOffice"},
    ),
    (bounce("Undetermined", "Undetermined", ["a@b.c"]), "Bounced", {"bounce": "undetermined"}),
    (
        document("Complaint", complaintFeedbackType="abuse", timestamp=HAPPENED_AT),
        "Complained",
        {"reason": "abuse"},
    ),
    (document("Complaint", timestamp=HAPPENED_AT), "Complained", {"reason": ""}),
    (document("Reject", reason="Bad content"), "Rejected", {"reason": "Bad content"}),
    (
        document("DeliveryDelay", delayType="MailboxFull", timestamp=HAPPENED_AT),
        "Delayed",
        {"reason": "MailboxFull"},
    ),
    (
        document("Rendering Failure", "failure", errorMessage="Attribute 'x'", templateName="t"),
        "Failed",
        {"reason": "rendering_failure"},
    ),
]


@pytest.mark.parametrize(("message", "event", "said"), CASES)
def test_each_event_of_ses_is_told_in_our_words(
    message: str, event: str, said: dict[str, Any]
) -> None:
    _, found = delivery_event(message, NOW)

    assert found is not None
    assert (found.event, found.contact, found.message, found.step) == (event, "c_1", "m_1", "one")
    assert {name: getattr(found, name) for name in said} == said
    assert found.received_at == NOW
    assert found.at == datetime.fromisoformat(HAPPENED_AT if HAPPENED_AT in message else SENT_AT)
    assert "ann@" not in repr(found)


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        document("Send", tags={}),
        document("Send", tags={"workspace": ["default"], "message_id": []}),
        document("Subscription", contactList="x"),
        document("Complaint", complaintFeedbackType="not-spam"),
        "{}",
        "[]",
        "",
    ],
)
def test_what_is_no_news_for_us_is_only_counted(message: str) -> None:
    assert delivery_event(message, NOW)[1] is None


@pytest.mark.parametrize(
    "message",
    [
        document("Delivery", timestamp="yesterday"),
        document("Delivery", timestamp="0001-01-01T00:00:00+14:00"),
        document("Click", timestamp=HAPPENED_AT, link=7),
        '{"eventType":"Send","mail":7}',
    ],
)
def test_what_ses_does_not_document_is_not_swallowed(message: str) -> None:
    with pytest.raises(Unreadable):
        delivery_event(message, NOW)


@given(st.text() | st.sampled_from([case[0] for case in CASES]), st.integers(0, 400), st.text())
def test_no_text_breaks_it(message: str, where: int, other: str) -> None:
    try:
        kind, _ = delivery_event(message[:where] + other + message[where + len(other) :], NOW)
    except Unreadable:
        return
    assert kind


def test_a_name_that_ses_would_not_take_comes_back_as_the_sender_had_it() -> None:
    tags = TAGS | {"variant": [to_tag("ten percent")]}
    _, event = delivery_event(document("Send", tags=tags), NOW)
    assert event is not None
    assert event.variant == "ten percent"
