"""What of a refusal is shown: what it says it is and why not, never contents or an address."""

import time
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.calls import Remark, Sender, understood
from services.ingest.domain.languages import LANGUAGES
from services.ingest.domain.refusals import LONGEST, LONGEST_MESSAGE, refused_event
from shared.contracts import RefusedEvent
from tests.unit.ingest.anything import RAW_EVENTS

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SENDER = Sender("default", NOW, lambda: "made", via="tuvi_wk_aaaaaa")
ANN = "ann.o'hara+x@mail.example.com"


def told(event: object) -> RefusedEvent:
    """As ingest refuses it."""
    raw = msgspec.json.encode(event)
    _, [remark] = understood([raw], SENDER)
    return refused_event(SENDER, "/v1/track", remark, raw)


def test_it_says_what_it_is_by_which_door_and_why_not() -> None:
    found = told({"type": "track", "event": "Order Completed", "userId": "u", "messageId": "m"})

    assert (found.kind, found.name, found.message_id) == ("track", "Order Completed", "m")
    assert (found.via, found.route) == ("tuvi_wk_aaaaaa", "/v1/track")
    assert (found.field, found.message[:10]) == ("properties.order_id", "is missing")


@pytest.mark.parametrize(
    "event",
    [
        {"type": ANN, "userId": "u"},
        {"type": "track", "userId": "u", "event": "", "messageId": ANN},
        {"type": "track", "userId": "u", "event": f"To {ANN} and back" * 20},
        {"type": "identify", "userId": "u", "traits": {"consent": {ANN: {}}}},
        {"type": "identify", "userId": "u", "traits": {"consent": {"a": {"state": ANN}}}},
        {"type": "identify", "userId": "u", "traits": {ANN: {"a": "\x00"}}},
        {"type": "identify", "traits": {"email": f"Ann <{ANN}>"}},
        {"type": "track", "event": "x", "userId": "u", "timestamp": ANN},
        {"type": "track", "event": "x", "userId": "u", "properties": ANN},
    ],
)
def test_no_address_is_in_it_wherever_it_stood(event: object) -> None:
    assert "mail.example.com" not in str(told(event))


def test_how_an_address_is_written_is_said_in_every_language() -> None:
    for language in LANGUAGES.values():
        remark = Remark(0, "", "email", language.form.no_address)
        assert refused_event(SENDER, "/v1/forms/news", remark).message == remark.message
    remark = Remark(0, "", "email", f"Write it as name@example.com, not as {ANN}.")
    assert "mail.example.com" not in refused_event(SENDER, "/v1/forms/news", remark).message


@pytest.mark.parametrize("before", [0, 60, 79, 150, 159, 160, 299, 590, 600, 5000])
def test_an_address_does_not_show_where_a_text_is_cut(before: int) -> None:
    text = (
        "x" * (before - 1)
        + " " * (before > 0)
        + "ann.ohara+x@mail.example.com"
        + " and so on" * 1000
    )

    found = refused_event(SENDER, "/v1/track", Remark(0, text, text, text))

    for shown in (found.field, found.message_id, found.message):
        assert "ann" not in shown


@pytest.mark.parametrize("piece", ["x", "x@", "@", "x ", ".", "é"])
def test_no_text_takes_long_to_show(piece: str) -> None:
    """Whoever reads a shop's page has its browser key, and all events wait meanwhile."""
    text = piece * (32_000 // len(piece))
    raw = msgspec.json.encode({"type": text, "event": text})

    began = time.perf_counter()
    refused_event(SENDER, "/v1/track", Remark(0, text, text, text), raw)

    assert time.perf_counter() - began < 1


@given(raw=RAW_EVENTS, message=st.text(), field=st.text(), name=st.text())
def test_whatever_was_sent_it_can_be_shown_and_is_short(
    raw: bytes, message: str, field: str, name: str
) -> None:
    found = refused_event(SENDER, "/v1/batch", Remark(0, name, field, message), raw)

    texts = (found.field, found.message_id, found.kind, found.name)
    assert max(map(len, texts)) <= LONGEST
    assert len(found.message) <= LONGEST_MESSAGE
    msgspec.json.encode(found)
