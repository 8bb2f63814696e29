"""The quick look lets nothing pass that the thorough one would not, and says the same of it."""

from typing import Any

import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.ingest.domain.calls import BATCH, Sender, key_of, read, understood
from services.ingest.domain.glance import Glance, Glimpse, glimpse
from services.ingest.domain.public import check_public, unused
from services.ingest.domain.validation import MOST_AHEAD, checked, doubts
from shared.contracts.wire import Arrival, BadCall, Call, said_at
from tests.unit.ingest.anything import MOMENTS, RAW_EVENTS, as_bytes, changed
from tests.unit.ingest.calls import NOW, order, sender, track

ARRIVALS = st.builds(
    Arrival,
    st.just(NOW),
    st.none() | st.datetimes().map(lambda m: m.replace(tzinfo=NOW.tzinfo)),
    st.booleans(),
)
TIMED = st.builds(
    lambda call, said: as_bytes(call | said),
    changed(),
    st.dictionaries(
        st.sampled_from(["timestamp", "originalTimestamp", "sentAt"]),
        MOMENTS
        | st.sampled_from(["2026-03-01T11:59:00Z", "2026-03-01T12:59:00Z", "2000-01-01T00:00:00Z"]),
    ),
)


@settings(max_examples=400, deadline=None)
@given(event=RAW_EVENTS | TIMED, arrival=ARRIVALS, public=st.booleans())
@example(b'{"type":"page","userId":"u","x":"\\u0000"}', Arrival(NOW), False)
@example(b'{"type":"page","userId":"u","x":"\xff"}', Arrival(NOW), False)
@example(as_bytes(track(properties={"price": 1e14})), Arrival(NOW), False)
@example(as_bytes(order(currency="E\u00fcR")), Arrival(NOW), False)
@example(as_bytes(order(order_id=" ")), Arrival(NOW), False)
@example(as_bytes(order(total=None)), Arrival(NOW), False)
@example(as_bytes(track(event="Form Submitted")), Arrival(NOW), True)
@example(as_bytes(track(traits={"email_frequency": "less"})), Arrival(NOW), True)
@example(as_bytes(track(traits={"email": "a@example.com"})), Arrival(NOW), True)
@example(as_bytes(track(traits={"timezone": "Tallinn"})), Arrival(NOW), False)
@example(as_bytes(track(context={"traits": {"timezone": "Tallinn"}})), Arrival(NOW), False)
@example(
    as_bytes(track(userId=None, traits={"email": "a@example.com"}, anonymousId="a")),
    Arrival(NOW),
    False,
)
@example(as_bytes(track(context={"traits": {"consent": {}}})), Arrival(NOW), True)
@example(as_bytes(track(traits={"consent": None})), Arrival(NOW), True)
@example(as_bytes(track(previousId={})), Arrival(NOW), True)
@example(as_bytes(track(messageId=10**300)), Arrival(NOW), False)
@example(as_bytes(order(order_id=10**300)), Arrival(NOW), False)
@example(as_bytes(track()).replace(b"}", b',"properties":{"price":1e-150}}'), Arrival(NOW), False)
@example(as_bytes(order(total=7)).replace(b"7", b"0." + b"0" * 150 + b"1"), Arrival(NOW), False)
@example(
    as_bytes(track(timestamp="9999-12-31T12:00:00Z", sentAt="9999-12-31T20:00:00-14:00")),
    Arrival(NOW),
    False,
)
@example(as_bytes(track(properties={"consent_topics": []})), Arrival(NOW), True)
def test_what_passes_at_a_glance_passes_every_check(
    event: bytes, arrival: Arrival, public: bool
) -> None:
    if arrival.sent_at and not 1970 < arrival.sent_at.year < 2200:
        arrival = replace(arrival, sent_at=None)  # as `read` does
    seen = glimpse(event)
    key = Glance.at("w", arrival, public=public).key_of(seen, event) if seen else None
    if seen is None or key is None:
        return
    call = checked(event, arrival)
    assert doubts(call) == []
    if public:
        check_public(call)
        assert unused(call) == []
    assert key == key_of("w", call)
    at = said_at(call, arrival)
    assert at is None or at <= NOW + MOST_AHEAD
    assert seen.message_id == call.message_id


def test_every_field_of_a_call_is_looked_at() -> None:
    assert set(Call.__struct_encode_fields__) <= set(Glimpse.__struct_encode_fields__)


ORDINARY: list[dict[str, Any]] = [
    track(),
    track(messageId=None, timestamp="2026-03-01T11:00:00Z", properties={"price": 9.5, "x": {}}),
    track(event="Product Added", properties={"products": [{"price": 3}], "name": "C\u00f4te"}),
    order(products=[{"price": 1.5, "quantity": 2}]),
    order(order_id=7, email="ann@example.com"),
    {"type": "identify", "userId": 7, "traits": {"email": "ann@example.com", "name": "Ann"}},
    {"type": "page", "anonymousId": "a", "context": {"page": {"url": "https://shop.example"}}},
    {"type": "identify", "userId": "u", "traits": {"timezone": "Europe/Tallinn"}},
    {"type": "page", "anonymousId": "a", "context": {"timezone": "GMT+0530"}},
    {"type": "screen", "userId": "u", "originalTimestamp": "2026-03-01T11:00:00Z"},
]


@pytest.mark.parametrize("said", ORDINARY)
def test_what_shops_send_all_day_passes_at_a_glance(said: dict[str, Any]) -> None:
    event = as_bytes(said)
    seen = glimpse(event)

    assert seen is not None
    assert Glance.at("w", Arrival(NOW), public=False).key_of(seen, event) is not None


@settings(max_examples=100, deadline=None)
@given(events=st.lists(st.sampled_from(ORDINARY) | changed(), min_size=1, max_size=6))
def test_a_batch_is_judged_as_its_events_are(events: list[Any]) -> None:
    try:
        body = read(BATCH, as_bytes({"batch": events, "sentAt": "2026-03-01T11:59:59Z"}))
    except BadCall:  # half a surrogate makes the whole no JSON
        reject()
    said = sender()
    who = Sender(said.workspace, said.received_at, said.new_id, sent_at=body.sent_at)

    assert understood(body.events, who, body.seen) == understood(body.events, who)


def test_a_good_event_needs_nothing_from_its_neighbours() -> None:
    body = read(BATCH, as_bytes({"batch": [track(messageId="1"), {"type": "trak"}, track()]}))
    ready, refused = understood(body.events, sender(), body.seen)

    assert [one.place for one in ready] == [0, 2]
    assert [one.place for one in refused] == [1]


def test_a_thorough_refusal_stays_one() -> None:
    with pytest.raises(BadCall):
        checked(as_bytes(track(timestamp="2026-03-01T11:00:00")), Arrival(NOW))
    seen = glimpse(event := as_bytes(track(timestamp="2026-03-01T11:00:00")))
    assert seen is not None
    assert Glance.at("w", Arrival(NOW), public=False).key_of(seen, event) is None
