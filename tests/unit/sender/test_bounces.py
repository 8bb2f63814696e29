"""What notifications do to an address."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.bounces import (
    LIMIT,
    Bounces,
    bounced,
    delivered,
    given_up,
    lifts,
    soft_points,
    suppressions,
)
from services.sender.domain.permission import EVERYTHING, MARKETING
from tests.unit.sender.messages import NOON, an_event

DAY = timedelta(days=1)
EMPTY = Bounces(workspace="default", address="a@example.com")
moments = st.integers(0, 30 * 24).map(lambda hours: NOON + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("event", "topic"),
    [
        (an_event("Bounced", bounce="hard", bounce_detail="General"), EVERYTHING),
        (an_event("Bounced", bounce="hard", bounce_detail="OnAccountSuppressionList"), EVERYTHING),
        (an_event("Complained", reason="abuse"), EVERYTHING),
        (an_event("Unsubscribed"), "cart-reminders"),
        (an_event("Unsubscribed", topic=""), MARKETING),
        (an_event("Complained", reason="not-spam"), None),
        (an_event("Bounced", bounce="soft"), None),
        (an_event("Delivered"), None),
        (an_event("Opened"), None),
        (an_event("Subscribed"), None),
        (an_event("PreferencesChanged", traits={"email_frequency": "less"}), None),
    ],
)
def test_what_is_suppressed_at_once(event: Any, topic: str | None) -> None:
    found = [s.topic for s in suppressions(event, "a@example.com")]
    assert found == ([] if topic is None else [topic])


@pytest.mark.parametrize(
    ("event", "topic"),
    [
        (an_event("Subscribed"), "cart-reminders"),
        (an_event("Subscribed", topic=""), MARKETING),
        (an_event("Unsubscribed"), None),
        (an_event("PreferencesChanged"), None),
        (an_event("Clicked"), None),
    ],
)
def test_only_a_subscription_lifts_and_never_what_is_not_its_topic(
    event: Any, topic: str | None
) -> None:
    found = [(lift.topic, lift.at) for lift in lifts(event, "a@example.com")]
    assert found == ([] if topic is None else [(topic, NOON)])


@pytest.mark.parametrize(
    ("bounce", "detail", "points"),
    [
        ("soft", "MailboxFull", 1.0),
        ("soft", "General", 1.0),
        ("soft", "ContentRejected", 0.0),
        ("soft", "MessageTooLarge", 0.0),
        ("soft", "AttachmentRejected", 0.0),
        ("soft", "OutOfOffice", 0.0),
        ("undetermined", "Undetermined", 0.5),
        ("hard", "General", 0.0),
    ],
)
def test_points(bounce: Any, detail: str, points: float) -> None:
    assert soft_points(an_event("Bounced", bounce=bounce, bounce_detail=detail)) == points


def test_five_days_of_soft_bounces_give_an_address_up() -> None:
    state = EMPTY
    for day in range(4):
        state = bounced(state, NOON + day * DAY, 1.0)
    assert list(given_up(state, NOON)) == []
    state = bounced(state, NOON + 4 * DAY, 1.0)
    assert [s.topic for s in given_up(state, NOON)] == [EVERYTHING]


def test_a_day_has_one_point_at_most() -> None:
    state = EMPTY
    for minutes in range(600):
        state = bounced(state, NOON + timedelta(minutes=minutes), 0.5 + minutes % 2 / 2)
    assert state.points == 1.0


def test_a_delivery_between_starts_anew() -> None:
    state = EMPTY
    for day in range(4):
        state = bounced(state, NOON + day * DAY, 1.0)
    state = delivered(state, NOON + 3.5 * DAY)
    assert bounced(state, NOON + 4 * DAY, 1.0).points == 1.0


@given(
    st.lists(st.tuples(st.sampled_from(["bounce", "delivery"]), moments), max_size=15), st.data()
)
def test_neither_order_nor_repeats_matter_once_all_is_known(
    events: list[tuple[str, datetime]], data: st.DataObject
) -> None:
    """Deliveries come first: a bounce that was cleared before leaves nothing behind."""

    def fold(order: list[tuple[str, datetime]]) -> float:
        state = EMPTY
        for what, at in order:
            state = delivered(state, at) if what == "delivery" else bounced(state, at, 1.0)
        return state.points

    shuffled = data.draw(st.permutations(events + events))
    assert fold(shuffled) == fold(shuffled + events) <= max(LIMIT, len(events))
