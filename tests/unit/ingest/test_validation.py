"""A caller learns which field is wrong and what to do about it."""

import gzip
from datetime import timedelta
from typing import Any

import pytest

from services.ingest.domain.calls import Remark, read, understood
from shared.contracts import CODECS
from shared.contracts.wire import BadCall
from tests.unit.ingest.calls import NOW, consent, order, refused, sender, take, track

BAD: list[tuple[str, Any, str, str]] = [
    ("type unknown", track(type="trak"), "type", "did you mean 'track'"),
    ("an event's name", track(type="purchase"), "type", "event names go into `event`, with type"),
    ("type missing", {"userId": "u"}, "type", "is missing; give one of"),
    ("type a number", track(type=7), "type", "'7' is unknown"),
    ("nobody", {"type": "identify", "traits": {}}, "userId", "traits.email"),
    ("blank ids", {"type": "page", "userId": " ", "anonymousId": ""}, "userId", "is missing"),
    (
        "no address",
        {"type": "identify", "traits": {"email": "Ann <ann@example.com>"}},
        "traits.email",
        "name@example.com",
    ),
    ("two, none", track(userId=" ", properties={"email": "ann"}), "properties.email", "only id"),
    ("user a boolean", track(userId=True), "userId", "a text or a whole number"),
    ("id too long", track(userId="u" * 257), "userId", "256"),
    ("anonymous id too long", track(anonymousId="u" * 257), "anonymousId", "256"),
    ("message id too long", track(messageId="u" * 257), "messageId", "256"),
    ("no name", track(event=None), "event", "is missing"),
    ("empty name", track(event="  "), "event", "is missing"),
    ("name a number", track(event=3), "event", "must be a text"),
    ("name too long", track(event="n" * 257), "event", "256"),
    ("properties a list", track(properties=[1]), "properties", "must be an object"),
    ("traits a text", track(traits="x"), "traits", "must be an object"),
    ("naive time", track(timestamp="2026-03-01T11:00:00"), "timestamp", "has no zone"),
    ("naive sentAt", track(sentAt="2026-03-01T11:00:00"), "sentAt", "has no zone"),
    ("a date", track(timestamp="2026-03-01"), "timestamp", "ISO 8601"),
    ("epoch seconds", track(timestamp=1772366400), "timestamp", "ISO 8601"),
    ("before 2000", track(timestamp="1970-01-01T00:00:01Z"), "timestamp", "before the year 2000"),
    ("in the future", track(timestamp="2026-03-01T13:00:01Z"), "timestamp", "in the future"),
    ("no calendar", track(timestamp="9999-12-31T23:59:59-23:59"), "timestamp", "calendar"),
    (
        "sentAt absurd",
        track(timestamp="2026-03-01T11:00:00Z", sentAt="3026-03-01T11:00:00Z"),
        "sentAt",
        "before the year 2000",
    ),
    ("NUL", track(properties={"a": ["x\0"]}), "properties.a[0]", "NUL"),
    ("NUL in a key", track(properties={"a\0": 1}), "properties", "NUL"),
    ("NUL in an id", track(userId="u\0"), "userId", "NUL"),
    ("half a pair", b'{"type":"track","userId":"\\ud83d"}', "event", "half a surrogate pair (byte"),
    ("no UTF-8", b'{"type":"track","userId":"\xff"}', "event", "UTF-8"),
    ("digits endless", b'{"type":"page","userId":"u","traits":{"a":' + b"9" * 5000 + b"}}", "", ""),
    (
        "too deep",
        b'{"type":"page","userId":"u","x":' + b"[" * 401 + b"]" * 401 + b"}",
        "x",
        "deeper",
    ),
    ("endless id", track(messageId=10**300), "messageId", "digits"),
    ("endless user", track(userId=-(10**300)), "userId", "digits"),
    ("no object", b"[]", "event", "must be an object"),
    ("a text", b'"track"', "event", "must be an object"),
    ("over-long", track(properties={"a": "x" * 33_000}), "event", "32768"),
    ("order without id", order(order_id=None), "properties.order_id", "is missing"),
    ("order id an object", order(order_id={}), "properties.order_id", "a text or a number"),
    ("order without total", order(total=None), "properties.total", "is missing"),
    ("total a word", order(total="free"), "properties.total", "is no amount"),
    (
        "price",
        track(event="Product Added", properties={"price": "39,50"}),
        "properties.price",
        "is no amount",
    ),
    (
        "price of a product",
        track(event="checkout started", properties={"products": [{}, 7, {"price": "39,50"}]}),
        "properties.products[2].price",
        "is no amount; give a number such as 19.99",
    ),
    ("order without currency", order(currency=None), "properties.currency", "EUR"),
    ("currency a sign", order(currency="€"), "properties.currency", "EUR"),
    ("alias of nothing", {"type": "alias", "userId": "u"}, "previousId", "is missing"),
    ("consent a text", consent("yes"), "traits.consent", "give {topic:"),
    ("consent per topic a text", consent({"a": "yes"}), "traits.consent.a", "give {topic:"),
    ("no state", consent({"a": {}}), "traits.consent.a.state", "is missing"),
    (
        "state misspelt",
        consent({"a": {"state": "subscribd"}}),
        "traits.consent.a.state",
        "did you mean 'subscribed'",
    ),
    ("state unknown", consent({"a": {"state": 1}}), "traits.consent.a.state", "give one of"),
    (
        "source an object",
        consent({"a": {"state": "pending", "source": {}}}),
        "traits.consent.a.source",
        "must be a text",
    ),
]


@pytest.mark.parametrize(("event", "field", "fix"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_refusal_names_the_field_and_the_fix(event: Any, field: str, fix: str) -> None:
    refusal = refused(event)

    assert refusal.field == field if field else refusal.field
    assert fix in refusal.message


GOOD: list[Any] = [
    track(),
    track(userId=7, messageId=8),
    track(userId=None, anonymousId="a"),
    track(userId=None, properties={"email": "ann@example.com"}),
    {"type": "identify", "traits": {"email": "Ann@Example.com"}},
    {"type": "identify", "context": {"traits": {"email": "ann@example.com"}}},
    track(event="Product Added", properties={"price": "39.50", "products": [{"price": None}, 7]}),
    track(properties={"products": "none"}),
    {"type": "page", "userId": "u", "traits": {"email": None}, "properties": {"email": " "}},
    {"type": "group", "userId": "u", "traits": {"email": "the office"}},
    order(),
    order(total=None, revenue="19.90"),
    order(order_id=17),
    track(event="Order Refunded", properties={"order_id": "o-1"}),
    track(event="Placed Order", properties={"OrderId": "o-1"}),
    track(timestamp="2026-03-01T11:00:00+02:00", sentAt="2026-03-01T13:00:00.5+02:00"),
    track(timestamp=(NOW + timedelta(minutes=59)).isoformat()),
    # a clock that is two days ahead says so in sentAt
    track(timestamp="2026-03-03T11:00:00Z", sentAt="2026-03-03T12:00:00Z"),
    track(properties={"products": [{"sku": str(n)} for n in range(60)]}),
    track(properties={"text": "\\u0000 written out", "emoji": "🕊"}),
    consent({"marketing": {"state": "subscribed", "source": "checkout", "text": "v3"}}),
    consent({}),
    b'{"type":"page","userId":"u","traits":{"a":1e999,"b":-1E-400}}',
    track(properties={"n": 10**120}),
    b'{"type":"page","userId":"u","x":' + b"[" * 40 + b"]" * 40 + b"}",
    {"type": "group", "userId": "u-1", "groupId": "g", "traits": {"consent": "the group's own"}},
    {"type": "alias", "userId": "u-1", "previousId": "a-1"},
]


@pytest.mark.parametrize("event", GOOD)
def test_what_is_right_is_taken(event: Any) -> None:
    ready, refusals = take(event)

    assert refusals == []
    assert ready[0].warnings == ()
    stored = CODECS["store-events"].decode(ready[0].value)
    assert stored.received_at == NOW


@pytest.mark.parametrize(
    ("event", "field", "kept_as"),
    [
        (track(traits={"email": "Carl <carl@example.com>"}), "traits.email", "trait"),
        (track(context={"traits": {"email": ["a@example.com"]}}), "context.traits.email", "trait"),
        (
            track(properties={"email": "a@example.com, b@example.com"}),
            "properties.email",
            "property",
        ),
    ],
)
def test_a_bad_address_beside_an_id_costs_a_warning(event: Any, field: str, kept_as: str) -> None:
    [ready], refusals = take(event)
    fix = "is no address; write it as name@example.com"
    kept = f"it was kept as a {kept_as}, nobody is mailed by it"

    assert refusals == []
    assert ready.warnings == (Remark(0, "m-1", field, f"{fix}; {kept}"),)
    assert ready.key == "default:user:u-1"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"traits": {"timezone": "Tallinn"}}, "traits.timezone"),
        ({"traits": {"timezone": 2}}, "traits.timezone"),
        ({"context": {"traits": {"timezone": "europe/tallinn"}}}, "context.traits.timezone"),
    ],
)
def test_a_time_zone_that_is_none_costs_a_warning(said: dict[str, Any], field: str) -> None:
    [ready], refusals = take({"type": "identify", "userId": "u-1", **said})

    assert refusals == []
    [warning] = ready.warnings
    assert warning.field == field
    assert warning.message.startswith("is no time zone; write it as Europe/Tallinn")


@pytest.mark.parametrize("zone", ["Europe/Tallinn", " Europe/Tallinn ", "UTC", "", " ", None])
def test_a_time_zone_that_is_one_costs_none(zone: str | None) -> None:
    [ready], _ = take({"type": "identify", "userId": "u-1", "traits": {"timezone": zone}})

    assert ready.warnings == ()


@pytest.mark.parametrize(
    "said",
    [
        {"type": "group", "groupId": "g", "traits": {"timezone": "the group's"}},
        {"type": "page", "context": {"traits": {"timezone": "read of identify only"}}},
        {"type": "page", "context": {"timezone": "GMT+0530"}},
    ],
)
def test_a_time_zone_that_nobody_states_of_a_contact_costs_none(said: dict[str, Any]) -> None:
    [ready], _ = take({"userId": "u-1", **said})

    assert ready.warnings == ()


def test_an_address_that_is_one_names_the_contact_whatever_stands_elsewhere() -> None:
    [ready], _ = take(
        {"type": "identify", "traits": {"email": "ann"}, "properties": {"email": "ann@example.com"}}
    )

    assert ready.key == "default:email:ann@example.com"
    assert [warning.field for warning in ready.warnings] == ["traits.email"]


def test_an_order_is_worth_more_than_the_price_of_its_item() -> None:
    [ready], refusals = take(order(products=[{"price": 19.9}, {"price": "39,50"}]))

    assert refusals == []
    [warning] = ready.warnings
    assert warning.field == "properties.products[1].price"
    assert warning.message.startswith("is no amount; give a number such as 19.99; ")


def test_a_bad_event_costs_only_itself() -> None:
    ready, refusals = take(track(messageId="1"), track(userId=True), track(messageId="3"))

    assert [(r.place, r.message_id) for r in ready] == [(0, "1"), (2, "3")]
    assert [(r.place, r.message_id) for r in refusals] == [(1, "m-1")]


def test_an_event_is_kept_byte_for_byte() -> None:
    body = b'{"batch":[ {"type" : "page","userId":"u","properties":{"price":1.10,"x":1e2} } ]}'
    [event] = read("batch", body).events
    [ready], _ = understood([event], sender())

    assert event in ready.value


def test_the_routes_type_is_added_if_the_body_has_none() -> None:
    [event] = read("track", b' {"event":"Signed Up","userId":"u"}').events

    assert event == b'{"type":"track","event":"Signed Up","userId":"u"}'
    assert read("track", b"{ }").events == [b'{"type":"track"}']


def test_a_type_that_contradicts_the_route_is_refused() -> None:
    with pytest.raises(BadCall, match="type: is not 'track', as the route says"):
        read("track", b'{"type":"identify","userId":"u"}')


def test_a_write_key_in_the_body_is_read_and_not_kept() -> None:
    body = read("identify", b'{"writeKey":"secret","userId":"u","traits":{"a":1.10}}')

    assert body.key == "secret"
    assert body.events == [b'{"type":"identify","userId":"u","traits":{"a":1.10}}']


def test_nor_is_one_that_is_taken_back() -> None:
    body = read("track", b'{"type":"track","writeKey":"secret","userId":"u","writeKey":null}')

    assert body.events == [b'{"type":"track","userId":"u"}']


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("batch", b"", "body: is empty"),
        ("track", b" \n", "body: is empty"),
        ("batch", gzip.compress(b"{}", mtime=0), "body: looks like gzip; .*Content-Encoding: gzip"),
        ("batch", b'{"batch":[%s]}' % b",".join([b"1"] * 2501), "batch: has 2501 events; .*2500"),
        ("batch", b"{", "body: is no JSON"),
        ("batch", b'{"batch":[{]}', "body: is no JSON: .*byte 11"),
        ("batch", b"[]", "body: must be a JSON object"),
        ("batch", b"{}", "batch: must be a list"),
        ("batch", b'{"batch":{}}', "batch: must be a list"),
        ("batch", b'{"batch":[],"writeKey":1}', "writeKey: must be a text"),
        ("batch", b'{"batch":["\xff"]}', "body: is not UTF-8 .byte 11"),
        ("batch", b'{"batch":' + b"[" * 5000, "body: is nested too deeply"),
        ("batch", b'{"batch":[{"a":"\\ud800"}]}', "body: has half a surrogate pair"),
        ("track", b"not json", "body: is no JSON"),
        ("track", b"[]", "body: must be a JSON object, one event"),
        ("track", b'{"event":"a",}', "body: is no JSON: trailing comma"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_the_place(
    kind: str, data: bytes, message: str
) -> None:
    with pytest.raises(BadCall, match=message):
        read(kind, data)


def test_an_event_without_a_message_id_gets_one() -> None:
    [ready], _ = take({"type": "page", "userId": "u"})

    assert ready.message_id == "made-here"


def test_the_strongest_identity_is_the_key() -> None:
    everything = track(anonymousId="a", properties={"email": "Ann@Example.com "})
    ready, _ = take(everything, {**everything, "userId": None}, track(userId=None, anonymousId="a"))

    assert [r.key for r in ready] == [
        "default:user:u-1",
        "default:email:ann@example.com",
        "default:anonymous:a",
    ]
