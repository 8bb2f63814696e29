"""Between ingest and identity: what ingest answers with 200 never becomes a dead letter."""

import json

from hypothesis import given, settings

from services.ingest.domain.calls import understood
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
