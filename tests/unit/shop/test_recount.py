"""The recount by hand: which mail won which order, and what is counted once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from deploy.local.shop.evidence import Evidence, Json
from deploy.local.shop.recount import recount

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HELLO, STORY = ("welcome", "hello", ""), ("welcome", "story", "")


def at(hours: float) -> str:
    return (NOON + timedelta(hours=hours)).isoformat()


def message(name: str, step: str = "hello") -> Json:
    return {"id": name, "to": ["a@example.com"], "tags": {"journey": "welcome", "step": step}}


def click(mail: str, hours: float, by: str = "human", status: int = 201) -> Json:
    entry = {"kind": "click", "mail": mail, "by": by, "email": "a@example.com"}
    return entry | {"at": at(hours), "status": status}


def posted(name: str, hours: float, order: str = "o-1", status: int = 200, **facts: str) -> Json:
    return {
        "kind": "event",
        "message_id": f"{name}-{hours}",
        "name": name,
        "at": at(hours),
        "origin": "live",
        "email": "a@example.com",
        "status": status,
        "consent": {},
        "facts": {"order_id": order, "currency": "EUR", **facts},
    }


def bought(hours: float, order: str = "o-1", revenue: str = "50.00", status: int = 200) -> Json:
    return posted("Order Completed", hours, order, status, revenue=revenue)


def numbers(*shop: Json, step: tuple[str, str, str] = HELLO, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "messages": [message("m1"), message("m2", "story")],
        "events": [],
        "reports": {},
        "overview": {},
        "scrapes": {},
        "journeys": {},
        "speed": 1.0,
    }
    return recount(Evidence(shop=list(shop), **(given | more)))[step]


def test_the_last_human_click_before_the_order_wins() -> None:
    clicks = click("m1", 0), click("m2", 1), click("m1", 2, by="machine"), click("m1", 4)
    found = numbers(*clicks, bought(3), step=STORY)
    assert (found["converted"], found["revenue EUR"]) == (1, Decimal("50.00"))
    assert "converted" not in numbers(*clicks, bought(3), step=HELLO)


def test_five_days_to_the_second() -> None:
    assert numbers(click("m1", 0), bought(5 * 24))["converted"] == 1
    assert "converted" not in numbers(click("m1", 0), bought(5 * 24 + 0.001))


def test_a_mail_converts_once_and_wins_all_its_orders() -> None:
    found = numbers(click("m1", 0), bought(1), bought(2, "o-2", "7.50"))
    assert (found["converted"], found["orders"]) == (1, 2)
    assert found["revenue EUR"] == Decimal("57.50")


def test_what_was_refused_was_never_ordered() -> None:
    assert "converted" not in numbers(click("m1", 0), bought(1, status=400))


def test_a_click_that_was_not_taken_wins_nothing() -> None:
    assert "converted" not in numbers(click("m1", 0, status=404), bought(1))


def test_a_refund_is_counted_beside_and_never_beyond_the_order() -> None:
    back = posted("Order Refunded", 3, total="80.00")
    found = numbers(click("m1", 0), bought(1), back)
    assert (found["revenue EUR"], found["refunded EUR"]) == (50, 50)


def test_a_mail_counts_once_however_often_it_is_clicked() -> None:
    found = numbers(click("m1", 0), click("m1", 1), click("m1", 2, by="machine"))
    assert (found["clicked human"], found["clicked machine"]) == (1, 1)


def event(kind: str, **detail: str) -> Json:
    return {"type": kind, "message_id": "m1", "to": "a@example.com", "detail": detail}


def test_what_ses_saw_is_counted_by_its_kind() -> None:
    events = [
        event("Delivery"),
        event("Delivery"),
        event("Bounce", bounceType="Transient"),
        event("Complaint", complaintFeedbackType="abuse"),
    ]
    found = numbers(events=events)
    assert {name: int(value) for name, value in found.items()} == {
        "sent": 1,
        "delivered": 1,
        "bounced soft": 1,
        "complained": 1,
    }


def test_a_complaint_that_was_taken_back_is_none() -> None:
    assert "complained" not in numbers(
        events=[event("Complaint", complaintFeedbackType="not-spam")]
    )
