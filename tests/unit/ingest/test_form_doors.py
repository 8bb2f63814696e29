"""Forms and confirmations over any bytes: never a 5xx, and what is kept is what was meant."""

import json
from datetime import timedelta
from typing import Any, cast

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.forms import Forms
from services.ingest.api import add_routes
from services.ingest.domain.forms import Pace
from services.ingest.edge import Edge
from services.ingest.handlers import Door, Topics
from services.ingest.routes import confirming, submissions
from services.ingest.visit import Reception
from shared.contracts import CODECS, DeliveryEvent
from shared.definitions import Announcer, Kind, Registry
from shared.errors import Problem
from shared.service import Health, make_app
from shared.tokens import ConfirmClaim, UnsubscribeClaim, make_token
from tests.unit.ingest.anything import BODIES, NESTED
from tests.unit.ingest.calls import NOW
from tests.unit.ingest.doors import (
    TOKEN_KEYS,
    TOPICS,
    Answer,
    AnyKey,
    Kept,
    Told,
    Untold,
    asked,
    post,
)
from tests.unit.ingest.forms import newsletter, published

CLAIM = ConfirmClaim(
    workspace="default",
    contact="c1",
    message="m1",
    topics=("newsletter", "offers"),
    text="v3",
    form="newsletter",
    issued=int(NOW.timestamp()),
    journey="confirm-subscription",
)
TOKEN = make_token(TOKEN_KEYS, CLAIM)
PAGE = {"accept": "text/html"}
JOURNEYS: tuple[Kind, ...] = ("journey",)


def door_of(kept: Kept, told: Told | None = None, pace: Pace | None = None) -> Edge:
    """The routes alone, with one form that was announced."""
    registry = Registry("nowhere:1")
    registry._take(published(newsletter()))
    registry.ready.set()
    forms = Forms(cast("asyncpg.Pool", None), cast("Announcer", None), registry)
    door = Door(kept, AnyKey(), Topics(4), lambda: NOW, told or Untold())
    reception = Reception(forms, pace or Pace(10**6, 0.0), "https://mail.example")
    app = make_app("ingest", Health())
    confirmations = confirming.router(door, TOKEN_KEYS, lambda _: TOPICS)
    add_routes(app, (submissions.router(door, reception), confirmations))
    return Edge(door, app)


KEPT = Kept()
APP = door_of(KEPT)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
        )
        | st.just("multipart/form-data; boundary=x")
        | st.text(st.characters(codec="ascii"), max_size=40),
        "accept": st.sampled_from(["text/html", "application/json", "*/*"]),
        "referer": st.text(st.characters(codec="latin-1"), max_size=40),
        "x-forwarded-for": st.text(st.characters(codec="latin-1"), max_size=40),
        "content-encoding": st.sampled_from(["gzip", "br"]),
        "origin": st.sampled_from(["https://shop.example", "null", "x"]),
    },
)
FORMS = st.dictionaries(
    st.sampled_from(["email", "first_name", "born", "vip", "consent", "page", "redirect"]),
    st.text(max_size=30) | st.sampled_from(["ann@example.com", "true", "1990-05-17"]),
)


PARTS = NESTED.map(lambda body: b"--x\r\n" + body)


@given(BODIES | FORMS.map(lambda form: json.dumps(form).encode()) | PARTS, HEADERS)
def test_any_post_of_a_form_is_kept_or_refused(body: bytes, headers: dict[str, str]) -> None:
    KEPT.messages.clear()
    answer = post(APP, "/v1/forms/newsletter", body, headers)
    assert answer.status in (200, 303, 400, 413, 415, 422)
    assert len(KEPT.messages) in (0, 2)
    if KEPT.messages:
        assert answer.status in (200, 303)
    for message in KEPT.messages:
        stored = CODECS["store-events"].decode(message.value)
        assert (stored.via, stored.workspace) == ("form/newsletter", "default")
    if answer.status == 422 and headers.get("accept") != "text/html":
        problem = json.loads(answer.body)
        assert all(error["field"] and error["message"] for error in problem["errors"])


@given(BODIES, HEADERS, st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=60))
def test_any_confirmation_is_answered(body: bytes, headers: dict[str, str], token: str) -> None:
    assert post(APP, f"/confirm/{TOKEN}", body, headers).status == 200
    assert post(APP, f"/confirm/{token}x", body, headers).status == 404


def confirmed() -> list[DeliveryEvent]:
    codec = CODECS["delivery-events"]
    return [codec.decode(message.value) for message in KEPT.messages]


def test_who_presses_the_button_is_subscribed_under_the_text_that_was_read() -> None:
    KEPT.messages.clear()
    answer = post(APP, f"/confirm/{TOKEN}", b"", PAGE)
    assert answer.status == 200
    assert b"You are signed up" in answer.body
    events = confirmed()
    assert [(e.event, e.topic, e.text, e.source) for e in events] == [
        ("Subscribed", "newsletter", "v3", "double_opt_in"),
        ("Subscribed", "offers", "v3", "double_opt_in"),
    ]
    assert {(e.contact, e.message, e.at) for e in events} == {("c1", "m1", NOW)}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_only_looks_as_scanners_do_confirms_nothing(method: str) -> None:
    KEPT.messages.clear()
    answer = asked(APP, method, f"/confirm/{TOKEN}")
    assert answer.status == 200
    assert KEPT.messages == []
    if method == "GET":
        assert b'<form method="post">' in answer.body


@pytest.mark.parametrize(("lang", "word"), [("de", "Bitte bestätigen"), ("nl", "Bevestig")])
def test_the_page_speaks_the_readers_language(lang: str, word: str) -> None:
    claim = make_token(TOKEN_KEYS, ConfirmClaim(**{**_plain(CLAIM), "locale": lang}))
    assert word in asked(APP, "GET", f"/confirm/{claim}").body.decode()
    browser = {"accept-language": f"{lang}-XX,en;q=0.5"}
    assert word in asked(APP, "GET", f"/confirm/{TOKEN}", browser).body.decode()


def _plain(claim: ConfirmClaim) -> dict[str, Any]:
    return {name: getattr(claim, name) for name in claim.__struct_fields__}


@pytest.mark.parametrize(("age", "status"), [(timedelta(days=29), 200), (timedelta(days=31), 410)])
def test_a_link_is_good_for_thirty_days(age: timedelta, status: int) -> None:
    KEPT.messages.clear()
    issued = int((NOW - age).timestamp())
    token = make_token(TOKEN_KEYS, ConfirmClaim(**{**_plain(CLAIM), "issued": issued}))
    assert asked(APP, "GET", f"/confirm/{token}").status == status
    assert post(APP, f"/confirm/{token}", b"").status == status
    assert bool(KEPT.messages) == (status == 200)


def test_the_link_of_an_unsubscribe_confirms_nothing() -> None:
    claim = UnsubscribeClaim(workspace="default", contact="c", message="m", topic="t")
    assert post(APP, f"/confirm/{make_token(TOKEN_KEYS, claim)}", b"").status == 404


class Away(Kept):
    """Kafka does not take it."""

    async def publish(self, messages: Any) -> set[int]:
        return set(range(len(messages)))


@pytest.mark.parametrize("path", ["/v1/forms/newsletter", f"/confirm/{TOKEN}"])
def test_without_kafka_the_visitor_is_asked_to_press_again(path: str) -> None:
    body = b"email=ann@example.com&consent=true"
    answer: Answer = post(door_of(Away()), path, body, PAGE)
    assert answer.status == 503
    assert b"Please try again in a moment." in answer.body


def test_posts_that_come_too_often_are_told_with_what_makes_all_visitors_one() -> None:
    told = Told()
    app = door_of(Kept(), told, Pace(1, 100.0))
    statuses = [post(app, "/v1/forms/newsletter", b"email=a@example.com").status for _ in range(2)]
    assert statuses == [422, 429]
    assert told.a_second == 1
    assert told.messages[-1].startswith("form/newsletter /v1/forms/newsletter 429 Too often: ")
    assert "TUVI_PROXIES" in told.messages[-1]


def test_a_form_is_taken_also_while_its_database_is_away() -> None:
    """There is none here: what visitors see and post was announced."""
    KEPT.messages.clear()
    assert asked(APP, "GET", "/f/newsletter").status == 200
    assert post(APP, "/v1/forms/newsletter", b"email=a@example.com&consent=on").status == 200
    assert len(KEPT.messages) == 2


def test_a_process_that_has_not_read_the_forms_says_so_and_not_that_there_is_none() -> None:
    forms = Forms(cast("asyncpg.Pool", None), cast("Announcer", None), Registry("nowhere:1"))
    with pytest.raises(Problem) as told:
        forms.shown("default", "newsletter")
    assert (told.value.status, told.value.more) == (503, {"retry_after": 2})


def test_a_registry_keeps_the_kinds_that_it_was_made_for() -> None:
    registry = Registry("nowhere:1", of=JOURNEYS)
    registry._take(published(newsletter()))
    assert registry.get("default", "form", "newsletter") is None


def test_a_form_that_another_version_wrote_is_away_for_a_moment() -> None:
    registry = Registry("nowhere:1")
    registry.ready.set()
    forms = Forms(cast("asyncpg.Pool", None), cast("Announcer", None), registry)
    registry._take(published(newsletter()))
    assert forms.shown("default", "newsletter")[1] == 1
    registry._take(msgspec.structs.replace(published(newsletter(), 2), body={"form": "later"}))
    with pytest.raises(Problem) as told:
        forms.shown("default", "newsletter")
    assert told.value.status == 503
