"""Who may be written to, and when."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.permission import (
    EVERYTHING,
    MARKETING,
    Contact,
    Go,
    Later,
    Skip,
    Suppression,
    judge,
)
from shared.contracts import Consent, Send
from tests.unit.sender.messages import MINUTE, NOON, a_send

HOUR = timedelta(hours=1)
TOPIC = "cart-reminders"


def who(state: Any = "subscribed", **more: Any) -> Contact:
    consent = {TOPIC: Consent(state=state, at=NOON - HOUR)}
    return Contact(**{"contact": "c_1", "email": "a@example.com", "consent": consent, **more})


def no(topic: str, at: int = 0, reason: str = "unsubscribed") -> Suppression:
    when = NOON - HOUR + at * MINUTE
    return Suppression(
        workspace="default", address="a@example.com", topic=topic, reason=reason, at=when
    )


@pytest.mark.parametrize(
    ("send", "contact", "suppressions", "judgement"),
    [
        (a_send(), who(), [], Go("a@example.com")),
        (a_send(), who(email=""), [], Skip("missing_email")),
        (a_send(), who(email="not-an-email"), [], Skip("missing_email")),
        (a_send(), who(email="Carl <a@example.com>"), [], Skip("missing_email")),
        (a_send(transactional=True), who(email="<a@example.com>"), [], Skip("missing_email")),
        (a_send(), who(email=" a@EXAMPLE.com"), [], Go("a@example.com")),
        (a_send(), who(erased=True), [], Skip("profile_deleted")),
        (a_send(), who("pending"), [], Skip("no_consent")),
        (a_send(), who("never_subscribed"), [], Skip("no_consent")),
        (a_send(), who(consent={}), [], Skip("no_consent")),
        (a_send(), who("unsubscribed"), [], Skip("unsubscribed")),
        (a_send(), who(), [no(TOPIC, at=1)], Skip("unsubscribed")),
        (a_send(), who(), [no(MARKETING, at=1)], Skip("unsubscribed")),
        (a_send(), who(), [no(TOPIC, at=0)], Skip("unsubscribed")),  # a tie: the stricter
        (a_send(), who(), [no(TOPIC, at=-1)], Go("a@example.com")),  # subscribed again since
        (a_send(), who(), [no("another-topic", at=1)], Go("a@example.com")),
        (a_send(), who(), [no(EVERYTHING, at=-1, reason="hard_bounce")], Skip("suppressed")),
        (a_send(not_after=NOON - MINUTE), who(), [], Skip("expired")),
        (a_send(due_at=NOON + HOUR), who(), [], Later(NOON + HOUR)),
        (a_send(windows=[(NOON - HOUR, NOON + HOUR)]), who(), [], Go("a@example.com")),
        (a_send(windows=[(NOON - HOUR, NOON)]), who(), [], Skip("expired")),
        (a_send(windows=[(NOON + HOUR, NOON + 2 * HOUR)]), who(), [], Later(NOON + HOUR)),
        (a_send(windows=[(NOON + 13 * HOUR, NOON + 14 * HOUR)]), who(), [], Skip("quiet_hours")),
        (a_send(transactional=True), who(consent={}), [], Go("a@example.com")),
        (a_send(transactional=True), who(), [no(MARKETING, at=1)], Go("a@example.com")),
        (a_send(transactional=True), who(), [no(EVERYTHING)], Skip("suppressed")),
    ],
)
def test_judgement(
    send: Send, contact: Contact, suppressions: list[Suppression], judgement: object
) -> None:
    assert judge(send, contact, suppressions, NOON) == judgement


@given(
    st.sampled_from(["never_subscribed", "pending", "subscribed", "unsubscribed"]),
    st.lists(st.builds(no, st.sampled_from([EVERYTHING, MARKETING, TOPIC, "x"]), st.just(1))),
    st.integers(-90, 90),
)
def test_marketing_goes_only_to_who_said_yes_last(
    state: str, suppressions: list[Suppression], minutes: int
) -> None:
    judgement = judge(a_send(), who(state), suppressions, NOON + minutes * MINUTE)
    if isinstance(judgement, Go):
        assert state == "subscribed"
        assert not {s.topic for s in suppressions} & {EVERYTHING, MARKETING, TOPIC}
