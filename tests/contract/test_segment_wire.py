"""Between ingest and identity: what ingest answers with 200 never becomes a dead letter."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from services.ingest.domain.calls import FEW, read, understood
from services.segmenter.identity_stage import understood as identified
from shared.contracts import CODECS, IdentifiedEvent
from shared.contracts.codec import encode
from tests.unit.ingest.anything import RAW_EVENTS, RIGHT
from tests.unit.ingest.calls import NOW, sender


@settings(max_examples=200, deadline=None)
@given(RAW_EVENTS)
def test_what_ingest_takes_identity_understands(raw: bytes) -> None:
    ready, refused = understood([raw], sender())

    assert len(ready) + len(refused) == 1
    for one in ready:
        stored = CODECS["store-events"].decode(one.value)
        told = identified(stored)
        assert told.given.identities
        assert told.event.at <= stored.received_at == NOW
        event = IdentifiedEvent(workspace="default", contact="c", event=told.event)
        again = CODECS["identified-events"].decode(encode(event))
        assert again == CODECS["identified-events"].decode(encode(again))


def test_right_calls_are_understood_as_they_were_meant() -> None:
    for call in RIGHT:
        [ready], _ = understood([json.dumps(call).encode()], sender())
        told = identified(CODECS["store-events"].decode(ready.value))

        assert told.event.kind == call["type"]
        assert told.event.name == call.get("event", "")
        assert ready.message_id == call.get("messageId", "made-here")


def test_rudderstacks_identify_has_its_traits_in_the_context() -> None:
    traits = {"email": "u@shop.example", "consent": {"news": {"state": "subscribed"}}}
    call = {"type": "identify", "userId": "u", "context": {"traits": traits}, "traits": {"n": 1}}
    [ready], _ = understood([json.dumps(call).encode()], sender())
    told = identified(CODECS["store-events"].decode(ready.value))
    assert told.event.traits == {**traits, "n": 1}

    traits["consent"] = {"news": {"state": "subscribd"}}
    _, [refused] = understood([json.dumps(call).encode()], sender())
    assert refused.field == "context.traits.consent.news.state"


def test_traits_in_the_context_of_what_happened_change_nobody() -> None:
    call = {"type": "track", "event": "Bought", "userId": "u", "context": {"traits": {"n": 1}}}
    [ready], _ = understood([json.dumps(call).encode()], sender())
    assert identified(CODECS["store-events"].decode(ready.value)).event.traits == {}


@settings(max_examples=50, deadline=None)
@given(RAW_EVENTS)
def test_of_many_each_is_stored_as_it_is_alone(raw: bytes) -> None:
    alone, _ = understood([raw], sender())
    among, _ = understood([raw, *[b"{}"] * FEW], sender())
    assert among == alone


@pytest.mark.parametrize("wrong_by", [timedelta(hours=-30), timedelta(0), timedelta(hours=5)])
def test_a_wrong_clock_is_corrected_by_when_the_batch_left(wrong_by: timedelta) -> None:
    happened, clock = NOW - timedelta(minutes=9), NOW + wrong_by
    call = {"type": "track", "event": "Bought", "userId": "u"}
    call["timestamp"] = (happened + wrong_by).isoformat()
    body = read("batch", json.dumps({"batch": [call], "sentAt": clock.isoformat()}).encode())
    [ready], _ = understood(body.events, replace(sender(), sent_at=body.sent_at))
    assert identified(CODECS["store-events"].decode(ready.value)).event.at == happened


@pytest.mark.parametrize("odd", ["", "yesterday", "2026-01-01T00:00:00", 7, None, [1e300], {}])
def test_a_batch_whose_own_time_is_none_is_taken_all_the_same(odd: object) -> None:
    assert read("batch", json.dumps({"batch": [], "sentAt": odd}).encode()).sent_at is None


def test_what_is_imported_happened_when_it_says() -> None:
    """Archives keep the `sentAt` of their day; today's clock says nothing about it."""
    happened = NOW - timedelta(days=900)
    call = {"type": "track", "event": "Bought", "userId": "u", "timestamp": happened.isoformat()}
    call["sentAt"] = (happened + timedelta(seconds=3)).isoformat()
    past = replace(sender(), origin="import", sent_at=happened)
    [ready], _ = understood([json.dumps(call).encode()], past)
    assert identified(CODECS["store-events"].decode(ready.value)).event.at == happened
