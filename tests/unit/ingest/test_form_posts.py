"""A post of a form: what is kept of it, what is said to who filled it in wrongly."""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.calls import Sender, understood
from services.ingest.domain.forms import (
    Fault,
    Form,
    Pace,
    client_of,
    events_of,
    ignored,
    is_trapped,
    neighbourhood,
    read_post,
    submission,
)
from shared.contracts.wire import BadCall
from tests.unit.ingest.anything import NESTED, PIECES
from tests.unit.ingest.calls import NOW
from tests.unit.ingest.forms import GOOD, newsletter

FORM = newsletter()
PAGE = "https://shop.example/blog?utm_source=insta&utm_campaign=spring"


def told(form: Form = FORM, **posted: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The identify and the track call of a good post."""
    found, faults = submission(form, {**GOOD, **posted})
    assert found is not None, faults
    one, other = events_of(form, 4, found, "click-1")
    return json.loads(one), json.loads(other)


def faults(form: Form = FORM, **posted: Any) -> list[Fault]:
    return submission(form, {**GOOD, **posted})[1]


def test_a_post_is_who_it_is_and_what_was_agreed_to() -> None:
    identify, track = told(first_name=" Ann ", born="1990-05-17", vip="on", page=PAGE)
    pending = {"state": "pending", "source": "form:newsletter", "text": "v3"}
    assert identify["traits"] == {
        "email": "Ann@example.com",
        "first_name": "Ann",
        "birthday": "1990-05-17",
        "company": True,
        "consent": {"newsletter": pending, "offers": pending},
        "acquisition": {
            "form": "newsletter",
            "campaign": "spring",
            "source": "insta",
            "page": PAGE,
        },
    }
    assert identify["context"]["campaign"] == {"name": "spring", "source": "insta"}
    assert identify["context"]["page"] == {"url": PAGE}
    assert track["event"] == "Form Submitted"
    assert track["context"]["traits"] == {"email": "Ann@example.com"}
    assert track["properties"] == {
        "form": "newsletter",
        "form_version": 4,
        "double_opt_in": True,
        "utm_campaign": "spring",
        "utm_source": "insta",
        "fields": {"first_name": "Ann", "born": "1990-05-17", "vip": True, "place": "footer"},
        "page": PAGE,
        "consent_topics": ["newsletter", "offers"],
        "consent_version": "v3",
        "consent_text": "Write to me.",
    }


def test_nobody_but_the_address_is_named() -> None:
    for call in told(userId="u-1", anonymousId="a-1", user_id="u-1"):
        assert "userId" not in call
        assert "anonymousId" not in call


def test_without_double_opt_in_the_post_subscribes() -> None:
    identify, track = told(newsletter(double_opt_in=None))
    assert identify["traits"]["consent"]["offers"]["state"] == "subscribed"
    assert track["properties"]["double_opt_in"] is False


@pytest.mark.parametrize(("checkbox", "agrees"), [("optional", False), ("none", True)])
def test_who_does_not_tick_an_optional_box_has_not_agreed(checkbox: str, agrees: bool) -> None:
    form = newsletter(consent={**FORM.body["consent"], "checkbox": checkbox})
    identify, track = told(form, consent=None)
    assert ("consent" in identify["traits"]) == agrees
    assert ("consent_text" in track["properties"]) == agrees
    assert track["properties"]["double_opt_in"] is agrees


def test_what_was_left_empty_leaves_what_was_known() -> None:
    identify, _ = told(first_name="", born=" ")
    assert {"first_name", "birthday"}.isdisjoint(identify["traits"])


@pytest.mark.parametrize(
    ("posted", "fault"),
    [
        ({"email": None}, Fault("email", "missing")),
        ({"email": "  "}, Fault("email", "missing")),
        ({"email": "ann"}, Fault("email", "no_address")),
        ({"email": "Ann <ann@example.com>"}, Fault("email", "no_address")),
        ({"email": ["ann@example.com"]}, Fault("email", "no_text")),
        ({"email": True}, Fault("email", "no_text")),
        ({"born": "17.5.1990"}, Fault("born", "no_date")),
        ({"born": "19900517"}, Fault("born", "no_date")),
        ({"first_name": "x" * 201}, Fault("first_name", "too_long")),
        ({"consent": "no"}, Fault("consent", "agree")),
        ({"consent": None}, Fault("consent", "agree")),
        ({"redirect": "https://evil.example/"}, Fault("redirect", "elsewhere")),
    ],
)
def test_each_fault_names_its_field(posted: dict[str, Any], fault: Fault) -> None:
    assert faults(**posted) == [fault]


def test_all_faults_are_told_at_once() -> None:
    wrong = {fault.field for fault in faults(email="x", born="x", consent="")}
    assert wrong == {"email", "born", "consent"}


def test_a_line_break_cannot_be_put_into_a_name() -> None:
    identify, _ = told(first_name="Ann\r\nBcc: all@example.com\x00")
    assert identify["traits"]["first_name"] == "Ann  Bcc: all@example.com"


def test_the_same_click_has_the_same_ids_and_other_words_have_others() -> None:
    assert told() == told()
    ids = {call["messageId"] for call in (*told(), *told(first_name="Ann"), *told(vip="on"))}
    assert len(ids) == 6


def test_names_that_the_form_does_not_have_are_told() -> None:
    assert ignored(FORM, {**GOOD, "frist_name": "Ann", "utm_term": "x", "page": ""}) == [
        "frist_name"
    ]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x", "x" * 2000, 7, "https://a b"])
def test_a_page_that_is_none_is_no_reason_to_refuse(url: object) -> None:
    _, track = told(page=url)
    assert "page" not in track["properties"]


def test_the_referer_stands_in_for_a_page() -> None:
    found, _ = submission(FORM, GOOD, "https://shop.example/")
    assert found is not None
    assert found.page == "https://shop.example/"


def test_every_encoding_of_a_form_is_read() -> None:
    boundary = "\r\n".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'
        for name, value in {**GOOD, "first_name": "Änn"}.items()
    )
    multipart = f"{boundary}\r\n--x--\r\n".encode()
    wanted = {**GOOD, "first_name": "Änn"}
    assert read_post("multipart/form-data; boundary=x", multipart) == wanted
    assert read_post("application/json", json.dumps(wanted).encode()) == wanted
    assert read_post("application/x-www-form-urlencoded", urlencode(wanted).encode()) == wanted


def test_a_part_is_not_looked_into_for_parts() -> None:
    nested = b"--x\r\n" + b"Content-Type:message/x\n\n" * 1300  # once a RecursionError
    assert read_post("multipart/form-data; boundary=x", nested) == {}


def test_no_more_parts_are_read_than_a_page_of_ours_has_fields() -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n\r\n'
    assert read_post("multipart/form-data; boundary=x", part * 500 + b"--x--") == {"email": ""}
    with pytest.raises(BadCall, match="more than 500 fields"):
        read_post("multipart/form-data; boundary=x", part * 501 + b"--x--")


def test_a_file_is_no_field() -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\n'
    assert read_post("multipart/form-data; boundary=x", head + b"ann@example.com\r\n--x--") == {}


TYPES = ["application/json", "application/x-www-form-urlencoded", "", "text/plain"]
TYPES += ["multipart/form-data; boundary=x", "multipart/form-data", "multipart/form-data; boundary"]
NAMES = [*(field.name for field in FORM.fields), "consent", "page", "redirect", "submission"]
NAMES += ["referrer", "utm_source", "company_website", "other"]
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.sampled_from(TYPES), st.binary(max_size=300) | st.text().map(str.encode) | NESTED)
def test_any_bytes_are_fields_or_refused(content_type: str, body: bytes) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="email"\r\n' + body + b"\r\n--x--"
    for data in (body, part, b"--x\r\n" + body):
        with suppress(BadCall):
            posted = read_post(content_type, data)
            submission(FORM, posted, "x")
            is_trapped(posted)
            ignored(FORM, posted)


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("piece", PIECES)
def test_nothing_is_too_deep(content_type: str, piece: bytes) -> None:
    """By itself: hypothesis gives its examples a deeper stack than a service has."""
    for start in (b"", b"--x\r\n"):
        with suppress(BadCall):
            read_post(content_type, start + piece * (32_000 // len(piece)))


@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.booleans())
def test_what_is_kept_is_understood_by_all_who_come_after(
    posted: dict[str, Any], good: bool
) -> None:
    found, wrong = submission(FORM, {**posted, **(GOOD if good else {})})
    assert (found is None) == bool(wrong)
    if found is not None:
        sender = Sender("default", NOW, lambda: "id")
        ready, refused = understood(events_of(FORM, 1, found, "click"), sender)
        assert len(ready) == 2
        assert not refused
        assert {one.key for one in ready} == {ready[0].key}


def test_a_burst_is_taken_and_then_one_at_a_time() -> None:
    pace = Pace(3, 10.0)
    assert [pace.wait("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 10.0]
    assert pace.wait("b", 0.0) == 0.0
    assert pace.wait("a", 9.0) == pytest.approx(1.0)
    assert pace.wait("a", 10.0) == 0.0
    assert [pace.wait("a", 100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 10.0]


def test_a_crowd_of_addresses_does_not_grow_memory() -> None:
    pace = Pace(1, 10.0, most=3)
    for number in range(10):
        assert pace.wait(number, 0.0) == 0.0
    assert pace.wait(9, 0.0) > 0.0
    assert pace.wait(0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::9", "2001:0db8:0001:0002"),
        ("[2001:db8:1:2::1]", "2001:0db8:0001:0002"),
        ("testclient", "testclient"),
    ],
)
def test_a_household_is_counted_as_one(host: str, counted: str) -> None:
    assert neighbourhood(host) == counted


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [(0, "9.9.9.9", "peer"), (1, "9.9.9.9, 1.1.1.1", "1.1.1.1"), (2, "1.1.1.1", "peer")],
)
def test_only_our_own_proxies_are_believed(proxies: int, forwarded: str, counted: str) -> None:
    assert client_of("peer", forwarded, proxies) == counted
