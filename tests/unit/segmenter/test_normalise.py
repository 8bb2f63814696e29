"""What becomes of a shop's call before anything else looks at it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmenter.domain.given import Given, given_by
from services.segmenter.domain.normalise import normalised
from shared.contracts import Event, StoreEvent, encode
from shared.contracts.wire import BadCall

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _told(**call: Any) -> tuple[Given, Event]:
    body = msgspec.Raw(encode({"type": "track", "userId": "u1", **call}))
    stored = StoreEvent(workspace="shop", message_id="m1", received_at=NOON, event=body)
    decoded, event = normalised(stored)
    return given_by("shop", decoded, event), event


def _event(**call: Any) -> Event:
    return _told(**call)[1]


def _ids(**call: Any) -> list[tuple[str, str]]:
    return [(i.kind, i.value) for i in _told(**call)[0].identities]


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("Viewed Product", "Product Viewed"),
        ("Added to Cart", "Product Added"),
        ("Started Checkout", "Checkout Started"),
        ("Placed Order", "Order Completed"),
        ("ecommerce.cart_updated", "Product Added"),
        ("ecommerce.order_placed", "Order Completed"),
        (" order completed ", "Order Completed"),
        ("Order Completed", "Order Completed"),
        ("Pigeon Fed", "Pigeon Fed"),
    ],
)
def test_other_tools_names_become_segments(given_name: str, name: str) -> None:
    assert _event(event=given_name).name == name


@pytest.mark.parametrize(
    ("properties", "value"),
    [
        ({"price": Decimal("19.90"), "quantity": 3, "currency": "EUR"}, Decimal("59.70")),
        ({"price": 5}, Decimal(5)),
        ({"price": "19.90", "quantity": "2"}, Decimal("39.80")),
        ({"products": [{"price": 2, "quantity": 2}, {"price": Decimal("0.5")}]}, Decimal("4.5")),
        ({"price": 5, "value": 7}, 7),
        ({"price": "a lot"}, None),
        ({"price": "NaN"}, None),
        ({"price": "1e999"}, None),
        ({"price": True}, None),
        ({"price": 5, "quantity": []}, None),
        ({"products": []}, None),
        ({}, None),
    ],
)
def test_the_value_of_what_was_carted(properties: dict[str, Any], value: object) -> None:
    found = _event(event="Product Added", properties=properties).properties
    assert found.get("value") == value
    assert found.get("currency") == properties.get("currency")


def test_only_carting_gets_a_value() -> None:
    assert "value" not in _event(event="Product Viewed", properties={"price": 5}).properties


@pytest.mark.parametrize(
    ("times", "minutes_before_noon"),
    [
        ({}, 0),
        ({"timestamp": "2026-06-01T11:30:00Z"}, 30),
        ({"timestamp": "2026-06-01T13:30:00+02:00"}, 30),
        ({"timestamp": "2026-06-01T11:30:00"}, 30),  # no zone: UTC
        ({"originalTimestamp": "2026-06-01T11:30:00Z"}, 30),
        # a clock that is a day ahead: only the difference of its two times counts
        ({"timestamp": "2026-06-02T11:50:00Z", "sentAt": "2026-06-02T12:00:00Z"}, 10),
        ({"timestamp": "2026-05-31T11:50:00Z", "sentAt": "2026-05-31T12:00:00Z"}, 10),
        ({"timestamp": "2026-06-01T12:30:00Z"}, 0),  # nothing happens after it was received
    ],
)
def test_when_it_happened_by_our_clock(times: dict[str, str], minutes_before_noon: int) -> None:
    assert _event(**times).at == NOON - timedelta(minutes=minutes_before_noon)


def test_addresses_are_tidied_wherever_they_stand() -> None:
    mess, tidy = " Ann.Example@SHOP.Example ", "Ann.Example@shop.example"
    event = _event(
        properties={"email": mess}, traits={"email": mess}, context={"traits": {"email": mess}}
    )
    assert event.properties["email"] == event.traits["email"] == tidy
    assert event.context["traits"]["email"] == event.context["email"] == tidy


@pytest.mark.parametrize(
    "place",
    [
        {"traits": {"email": "Ann@Example.com"}},
        {"context": {"traits": {"email": "ANN@example.com"}}},
        {"properties": {"email": "ann@EXAMPLE.com "}},
    ],
)
def test_an_address_identifies_in_all_its_spellings(place: dict[str, Any]) -> None:
    assert _ids(**place) == [("user", "u1"), ("email", "ann@example.com")]


@pytest.mark.parametrize("text", ["Carl <carl@example.com>", "carl@example.com, a@b.ee", "carl"])
def test_what_is_no_address_names_nobody_and_stays_as_it_is(text: str) -> None:
    event = _event(traits={"email": text}, properties={"email": text})
    assert "email" not in event.context
    assert event.traits["email"] == event.properties["email"] == text
    assert _ids(traits={"email": text}) == [("user", "u1")]
    told, _ = _told(type="alias", previousId=text)
    assert "email" not in [before.kind for before in told.before]


def test_the_traits_of_a_group_are_not_the_contacts() -> None:
    event = _event(type="group", groupId="g", traits={"email": "office@example.com", "size": 9})
    assert event.traits == {}
    assert event.properties["size"] == 9
    assert _ids(type="group", traits={"email": "office@example.com"})[0] == ("user", "u1")


def test_a_number_is_an_id_too() -> None:
    assert _ids(userId=42, anonymousId="a") == [("user", "42"), ("anonymous", "a")]


@pytest.mark.parametrize("nobody", ["null", "undefined", "0", "00000000-0000", " ", "Guest", "-1"])
def test_what_strangers_share_is_no_id_beside_a_better_one(nobody: str) -> None:
    assert _ids(userId=nobody, anonymousId="a1") == [("anonymous", "a1")]


def test_what_was_accepted_with_a_poor_id_alone_is_kept() -> None:
    assert _ids(userId="null") == [("user", "null")]


def test_a_previous_id_is_whatever_it_may_be() -> None:
    told, _ = _told(type="alias", previousId="Old@Example.com")
    assert [(i.kind, i.value) for i in told.before] == [
        ("user", "Old@Example.com"),
        ("email", "old@example.com"),
        ("anonymous", "Old@Example.com"),
    ]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({"userId": None}, "userId"),
        ({"userId": "a\x00b"}, "NUL"),
        ({"userId": ["a"]}, "userId"),
        ({"type": "sing"}, "type"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00Z", "sentAt": "9999-01-01T00:00:00Z"}, "date value"),
        ({"properties": 5}, "properties"),
    ],
)
def test_what_is_impossible_names_the_field(call: dict[str, Any], says: str) -> None:
    with pytest.raises(BadCall, match=says):
        _told(**call)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
FIELDS = ["event", "userId", "anonymousId", "previousId", "timestamp", "sentAt", "properties"]


@given(
    st.sampled_from(["track", "identify", "page", "screen", "alias", "group"]),
    st.dictionaries(st.sampled_from([*FIELDS, "traits", "context"]), JSON),
    st.dictionaries(st.sampled_from(["email", "price", "quantity", "products", "traits"]), JSON),
)
def test_any_json_is_an_event_or_impossible(kind: str, call: dict[str, Any], inner: Any) -> None:
    plain = {"properties": inner, "traits": inner, "context": inner, **call, "type": kind}
    try:
        _, event = _told(**{"event": "Product Added", **plain})
    except BadCall:
        return
    assert event.at <= event.received_at == NOON
    assert encode(event)
