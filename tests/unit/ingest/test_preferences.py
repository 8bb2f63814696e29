"""What a form on the preference page changes, and what never changes by it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.domain.languages import LANGUAGES
from services.ingest.domain.posted import fields_of
from services.ingest.domain.preferences import (
    Choice,
    Topics,
    UnknownTopic,
    choice_of,
    events_of,
    topics_of,
)
from shared.contracts import CODECS, Definition
from shared.kafka.producer import Addressed
from shared.tokens import UnsubscribeClaim, make_token
from tests.unit.ingest.calls import NOW
from tests.unit.ingest.doors import NAMES, TOKEN_KEYS, Answer, Kept, edge, post

CLAIM = UnsubscribeClaim(
    workspace="default",
    contact="c",
    message="m",
    topic="cart-reminders",
    journey="abandoned-cart",
    version=3,
    run="r",
    step="reminder",
)
TOKEN = make_token(TOKEN_KEYS, CLAIM)
FORM = {"content-type": "application/x-www-form-urlencoded"}
KEPT = Kept()
APP = edge(KEPT)


def sent(fields: list[tuple[str, str]]) -> tuple[Answer, list[Any]]:
    """The answer to a posted form, and the delivery events that came of it."""
    KEPT.messages.clear()
    answer = post(APP, f"/u/{TOKEN}", urlencode(fields).encode(), FORM)
    return answer, [CODECS["delivery-events"].decode(m.value) for m in KEPT.messages]


def choosing(*fields: tuple[str, str]) -> list[tuple[str, str]]:
    return [("action", "preferences"), *fields]


def test_only_what_differs_from_what_was_shown_is_published() -> None:
    answer, events = sent(
        choosing(
            ("was", "newsletter"),
            ("off", "cart-reminders"),
            ("on", "cart-reminders"),
            ("frequency_was", "normal"),
            ("frequency", "less"),
            ("language_was", "en"),
            ("language", "de"),
        )
    )
    assert answer.status == 200
    assert 'lang="de"' in answer.body.decode()
    assert "Ihre Auswahl ist gespeichert" in answer.body.decode()
    found = [(e.event, e.topic, e.text, e.traits) for e in events]
    assert found == [
        ("Unsubscribed", "newsletter", "", {}),
        ("Subscribed", "cart-reminders", "preference-page-1-en", {}),
        ("PreferencesChanged", "", "", {"email_frequency": "less", "locale": "de"}),
    ]
    for event in events:
        assert (event.contact, event.message, event.source) == ("c", "m", "preferences")
        assert (event.journey, event.version, event.at) == ("abandoned-cart", 3, NOW)


def test_a_form_sent_as_it_was_shown_changes_nothing() -> None:
    shown = [("was", "newsletter"), ("on", "newsletter"), ("off", "cart-reminders")]
    same = [("frequency_was", "less"), ("frequency", "less"), ("language_was", "de")]
    answer, events = sent(choosing(*shown, *same, ("language", "de")))
    assert (answer.status, events) == (200, [])
    assert "Nothing was changed" in answer.body.decode()


def test_no_more_at_all_is_one_word_on_all_marketing_whatever_is_ticked() -> None:
    answer, events = sent(
        choosing(("everything", "off"), ("off", "newsletter"), ("on", "newsletter"))
    )
    assert answer.status == 200
    assert [(e.event, e.topic) for e in events] == [("Unsubscribed", "")]


def test_one_click_means_the_mails_topic_whatever_else_stands_there() -> None:
    fields = choosing(("everything", "off"), ("List-Unsubscribe", "One-Click"))
    answer, events = sent(fields)
    assert answer.status == 200
    assert [(e.event, e.topic, e.source) for e in events] == [
        ("Unsubscribed", "cart-reminders", "link")
    ]


@pytest.mark.parametrize("field", ["was", "off"])
def test_a_topic_that_the_shop_does_not_have_is_refused_and_nothing_is_taken(field: str) -> None:
    fields = choosing((field, "invented"), ("was", "newsletter"))
    answer, events = sent([*fields, ("on", "invented")] if field == "off" else fields)
    assert (answer.status, events) == (400, [])


class Away(Kept):
    """Kafka takes nothing."""

    async def publish(self, messages: Sequence[Addressed]) -> set[int]:
        return set(range(len(messages)))


def test_what_kafka_did_not_take_is_said_on_a_page_and_asked_for_again() -> None:
    body = urlencode(choosing(("everything", "off"))).encode()
    answer = post(edge(Away()), f"/u/{TOKEN}", body, FORM)
    assert answer.status == 503
    assert "This was not saved" in answer.body.decode()


def test_too_many_fields_are_refused() -> None:
    answer, events = sent([("on", "newsletter")] * 501)
    assert (answer.status, events) == (400, [])


names = st.sampled_from([*NAMES, "", "other", "\0", "x" * 70])
fields = st.lists(
    st.tuples(
        st.sampled_from(["action", "on", "was", "off", "everything", "language", "frequency"])
        | st.text(max_size=5),
        names | st.sampled_from(["preferences", "less", "de"]) | st.text(max_size=5),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(fields)
def test_whatever_is_posted_unsubscribes_only_from_what_was_shown_as_on(
    posted: list[tuple[str, str]],
) -> None:
    answer, events = sent(posted)
    assert answer.status in (200, 400)
    if ("action", "preferences") not in posted:
        assert (answer.status, events) == (400, [])
    told = dict.fromkeys(name for name, _ in posted)
    for event in events:
        if event.event == "Unsubscribed" and event.topic:
            assert ("was", event.topic) in posted
            assert ("on", event.topic) not in posted
        elif event.event == "Unsubscribed":
            assert "everything" in told
        elif event.event == "Subscribed":
            assert {("off", event.topic), ("on", event.topic)} <= set(posted)
        assert event.topic in (*NAMES, "")
        assert event.traits.keys() <= {"locale", "email_frequency"}


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300) | st.binary(max_size=50).map(lambda b: b"action=preferences&" + b),
    st.sampled_from(["", *FORM.values(), "multipart/form-data; boundary=x", "text/plain"]),
)
def test_any_bytes_are_answered_and_unsubscribe_nobody(body: bytes, content_type: str) -> None:
    KEPT.messages.clear()
    answer = post(APP, f"/u/{TOKEN}", body, {"content-type": content_type})
    assert 200 <= answer.status < 500
    asked = b"everything" in body or b"was" in body or b"One-Click" in body
    assert asked or not [m for m in KEPT.messages if b"Unsubscribed" in (m.value or b"")]


@given(st.text(max_size=60), st.binary(max_size=200))
def test_reading_a_form_never_fails_but_for_too_many_fields(kind: str, body: bytes) -> None:
    for content_type in (kind, f"multipart/form-data; {kind}"):
        assert all(
            isinstance(part, str) for field in fields_of(content_type, body) for part in field
        )


@given(st.sets(st.sampled_from("abcde")), st.sets(st.sampled_from("abcde")), st.data())
def test_what_is_shown_and_what_is_ticked_give_exactly_the_difference(
    was: set[str], on: set[str], data: st.DataObject
) -> None:
    known = set("abcde")
    posted = [("was", t) for t in was] + [("off", t) for t in known - was] + [("on", t) for t in on]
    found = choice_of(data.draw(st.permutations(posted)), known)
    assert set(found.subscribe) == on - was
    assert set(found.unsubscribe) == was - on
    events = events_of(found, CLAIM, NOW, "en")
    assert len({e.fingerprint() for e in events}) == len(events) == len(on ^ was)


def test_the_same_form_twice_says_the_same_later() -> None:
    choice = Choice(unsubscribe=("newsletter",), traits={"locale": "de"})
    first, again = (events_of(choice, CLAIM, at, "en") for at in (NOW, NOW + timedelta(seconds=1)))
    assert [e.event for e in first] == [e.event for e in again]


def test_an_unknown_topic_has_a_name() -> None:
    with pytest.raises(UnknownTopic):
        choice_of([("was", "x")], {"y"})


def definition(
    kind: Any, name: str, body: Mapping[str, Any], status: Any = "running"
) -> Definition:
    return Definition(
        workspace="default",
        kind=kind,
        id=name,
        version=1,
        revision=1,
        status=status,
        body=dict(body),
    )


def test_topics_are_those_that_mails_are_sent_for_and_none_that_are_transactional() -> None:
    found = topics_of(
        [
            definition("journey", "welcome", {"topic": "newsletter"}),
            definition("journey", "carts", {"topic": "cart-reminders"}, "paused"),
            definition("journey", "old", {"topic": "old-news"}, "archived"),
            definition("journey", "receipt", {"topic": "orders", "transactional": True}),
            definition("form", "fair", {"consent": {"topics": ["spring-fair", "newsletter"]}}),
            definition("form", "survey", {"consent": None}),
            definition("workspace", "default", {"topics": {"newsletter": {"de": "Neues"}}}),
        ]
    )
    assert found.offered == ("cart-reminders", "newsletter", "spring-fair")
    assert found.known == {*found.offered, "old-news"}
    assert found.title("newsletter", "de") == "Neues"
    assert found.title("newsletter", "fr") == "newsletter"
    assert found.title("cart-reminders", "de") == "cart reminders"


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_whatever_a_definition_says_topics_can_be_read(body: Any) -> None:
    for kind in ("journey", "form", "workspace"):
        found = topics_of([definition(kind, "x", {"topic": body, "topics": body, "consent": body})])
        assert isinstance(found, Topics)
        assert found.title("a_b", "de")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_in_every_language(language: str) -> None:
    _, events = sent(choosing(("language", language), ("language_was", "")))
    assert events[-1].traits == {"locale": language}
