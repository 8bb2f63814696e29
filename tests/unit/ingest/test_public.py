"""What becomes of a browser key's calls at the door, whatever they say."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.calls import BATCH, Ready, Remark, Sender, read, understood
from services.segmenter.domain.event_names import known_as
from shared.contracts import StoreEvent
from shared.contracts.codec import encode
from tests.unit.ingest.calls import NOW

PUBLIC = Sender("default", NOW, lambda: "new", via="tuvi_pk_abcdef", public=True)
SECRET = msgspec.structs.replace(PUBLIC, public=False)
CONSENT = {"news": {"state": "subscribed"}}
_decoder = msgspec.json.Decoder(StoreEvent)


def _told(said: dict[str, Any], sender: Sender = PUBLIC) -> tuple[list[Ready], list[Remark]]:
    return understood([encode({"type": "identify", "anonymousId": "d", **said})], sender)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"traits": {"consent": CONSENT}}, "traits.consent"),
        ({"traits": {"consent": None}}, "traits.consent"),
        ({"context": {"traits": {"consent": CONSENT}}}, "context.traits.consent"),
        (
            {
                "type": "track",
                "event": "Signed Up",
                "properties": {"double_opt_in": True, "consent_topics": ["all"]},
            },
            "properties.consent_topics",
        ),
    ],
)
def test_consent_is_refused_of_a_browser_key_alone(said: dict[str, Any], field: str) -> None:
    ready, (refused,) = _told(said)
    assert (ready, refused.field) == ([], field)
    assert not _told(said, SECRET)[1]


@pytest.mark.parametrize("name", ["Form Submitted", " form submitted", "FORM SUBMITTED\t"])
def test_a_page_cannot_say_that_a_form_was_submitted(name: str) -> None:
    """It would use up the hour in which the victim's own sign-up is to be confirmed."""
    said = {"type": "track", "event": name, "properties": {"email": "a@x.example"}}
    assert known_as(name) == "Form Submitted"
    ready, (refused,) = _told(said)
    assert (ready, refused.field) == ([], "event")
    assert "/v1/forms/" in refused.message
    assert not _told(said, SECRET)[1]


@given(st.sampled_from(["Form Submitted", "form submitted"]), st.text(max_size=3), st.booleans())
def test_nor_in_any_spelling_that_identity_takes_for_it(name: str, more: str, end: bool) -> None:
    said = name + more if end else more + name
    refused = [r.field for r in _told({"type": "track", "event": said})[1]]
    assert ("event" in refused) or known_as(said) != "Form Submitted"


def test_a_groups_consent_is_no_contacts() -> None:
    assert not _told({"type": "group", "traits": {"consent": "weekly"}})[1]


def test_the_address_of_a_user_is_named_as_not_used_and_a_strangers_is_taken() -> None:
    for said in ({"traits": {"email": "a@x.example"}}, {"properties": {"email": "a@x.example"}}):
        ((ready,), _) = _told({**said, "userId": "u-7"})
        assert ["was not used" in w.message for w in ready.warnings] == [True]
        assert not _told(said)[0][0].warnings
        assert not _told({**said, "userId": "u-7"}, SECRET)[0][0].warnings


def test_how_often_somebody_wants_mail_is_named_as_not_used() -> None:
    often = {"email_frequency": "normal"}
    for said in ({"traits": often}, {"context": {"traits": often}}):
        ((ready,), refused) = _told(said)
        assert not refused
        assert [w.field for w in ready.warnings] == ["traits.email_frequency"]
        assert not _told(said, SECRET)[0][0].warnings
    assert not _told({"type": "group", "traits": often})[0][0].warnings


def test_a_browser_keys_messageids_are_a_space_of_their_own() -> None:
    ids = []
    for sender in (PUBLIC, SECRET):
        ((ready,), _) = _told({"messageId": "shopify/main/order-completed/7"}, sender)
        stored = _decoder.decode(ready.value)
        assert stored.public == sender.public
        assert ready.message_id == "shopify/main/order-completed/7"  # as the caller knows it
        ids.append(stored.message_id)
    assert ids == ["browser/shopify/main/order-completed/7", "shopify/main/order-completed/7"]


@given(st.dictionaries(st.text(max_size=3), st.none()), st.booleans(), st.booleans())
def test_a_key_that_stands_in_each_event_of_a_batch_is_kept_with_none(
    more: dict[str, None], above: bool, escaped: bool
) -> None:
    event = {"type": "page", "anonymousId": "d", **more, "name": "writeKey"}
    body = {"batch": [{**event, "writeKey": "tuvi_pk_x"}, event]}
    data = encode({**body, "writeKey": "tuvi_pk_x"} if above else body)
    read_ = read(BATCH, data.replace(b"writeKey", b"w\\u0072iteKey") if escaped else data)
    assert [msgspec.json.decode(each) for each in read_.events] == [event, event]
    assert read_.key == ("tuvi_pk_x" if above else "")
