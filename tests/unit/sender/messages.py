"""Arbitrary messages and inputs of the ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import strategies as st

from services.sender.domain.message import (
    Accepted,
    Claimed,
    GraceOver,
    HandedBack,
    Input,
    LeaseExpired,
    Lost,
    Postponed,
    Refused,
    Row,
    SendingStarted,
    Settled,
    Skipped,
    Status,
    Unheard,
)
from shared.contracts import DeliveryEvent, Send, Withdraw
from shared.contracts.events import DeliveryType

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
times = st.integers(-30, 30).map(lambda minutes: NOON + minutes * MINUTE)
claims = st.sampled_from(["claim-1", "claim-2"])


def a_send(**changes: Any) -> Send:
    given: dict[str, Any] = {
        "workspace": "default",
        "contact": "c_1",
        "contact_version": 1,
        "message": "m_1",
        "run": "r_1",
        "journey": "abandoned-cart",
        "version": 2,
        "step": "reminder",
        "template": "cart-reminder",
        "topic": "cart-reminders",
        "due_at": NOON,
        "not_after": NOON + 12 * 60 * MINUTE,
    }
    return Send(**{**given, **changes})


def an_event(event: str, **changes: Any) -> DeliveryEvent:
    given: dict[str, Any] = {
        "workspace": "default",
        "contact": "c_1",
        "message": "m_1",
        "event": event,
        "at": NOON,
        "received_at": NOON,
        "topic": "cart-reminders",
    }
    return DeliveryEvent(**{**given, **changes})


withdrawal = Withdraw(
    workspace="default", contact="c_1", message="m_1", reason="converted", at=NOON
)
sends = st.builds(a_send, transactional=st.booleans())
events = st.builds(
    an_event,
    event=st.sampled_from(get_args(DeliveryType)),
    at=times,
    reason=st.sampled_from(["", "no_consent"]),
    provider_id=st.sampled_from(["", "p-1"]),
    source=st.sampled_from(["ses", "sender", "link", "import", "preferences", "double_opt_in"]),
)
inner = st.one_of(
    st.builds(Claimed, claims, times, st.just("a@example.com")),
    st.builds(Postponed, times),
    st.builds(Skipped, st.just("no_consent"), st.one_of(st.just(""), claims)),
    st.builds(HandedBack, claims),
    st.builds(LeaseExpired, times),
    st.builds(SendingStarted, claims, times, times),
    st.builds(Accepted, claims, st.just("p-1")),
    st.builds(Refused, claims, st.just("MessageRejected"), st.booleans(), st.none() | times),
    st.builds(Lost, claims),
    st.just(GraceOver()),
    st.just(Unheard()),
    st.builds(Settled, st.booleans()),
)
inputs: st.SearchStrategy[Input] = st.one_of(sends, st.just(withdrawal), events, inner)
rows = st.builds(
    Row,
    workspace=st.just("default"),
    message=st.just("m_1"),
    contact=st.just("c_1"),
    status=st.sampled_from(list(Status)),
    reason=st.sampled_from(["", "no_consent"]),
    transactional=st.booleans(),
    due_at=st.none() | times,
    not_after=st.none() | times,
    claimed_by=st.one_of(st.just(""), claims),
    lease_until=st.none() | times,
    attempts=st.integers(0, 5),
    ambiguities=st.integers(0, 5),
    started_at=st.none() | times,
    withdraw=st.sampled_from(["", "converted"]),
    held=st.booleans(),
    told=st.booleans(),
)
