"""What a caller may send: right calls, right calls with one thing changed, and noise."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.unit.ingest.calls import consent, order, track

RIGHT: list[dict[str, Any]] = [
    track(properties={"price": "19.90", "quantity": 2, "email": "ann@example.com"}),
    track(event="Product Added", properties={"products": [{"price": 3.5, "quantity": 10**9}]}),
    order(),
    consent({"marketing": {"state": "subscribed", "source": "checkout", "text": "v3"}}),
    {"type": "alias", "userId": "u-1", "previousId": "a-1"},
    {"type": "group", "userId": "u-1", "traits": {"name": "x", "consent": 1}},
    {
        "type": "page",
        "anonymousId": 7,
        "timestamp": "2026-03-01T11:00:00Z",
        "sentAt": "2026-03-01T11:00:01Z",
        "context": {"traits": {"email": "Ann@Example.com"}, "locale": "et-EE"},
    },
]
NAMES = (
    "type event messageId userId anonymousId previousId timestamp originalTimestamp sentAt "
    "properties traits context consent email order_id total revenue currency price quantity value "
    "products state source text writeKey batch $ \0"
)
KEYS = st.sampled_from(NAMES.split(" ")) | st.text(max_size=8)
MOMENTS = st.datetimes().map(lambda m: m.isoformat()) | st.datetimes().map(
    lambda m: m.isoformat() + "+14:00"
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**99, max_value=10**110)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text(st.characters(categories=["Cs"]) | st.just("\0"), max_size=3)
    | MOMENTS
    | st.sampled_from(["Order Completed", "identify", "track", "EUR", "1e400", "a@b.c", "x" * 300])
    | st.sampled_from([letter * 32_000 for letter in "x@é\\"] + ["x@" * 16_000, "x y" * 10_000])
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
NUMBERS = st.sampled_from(
    [
        b"1e999",
        b"-1E+100",
        b"1e-101",
        b"1e999999999999",
        b"9" * 150,
        b"0." + b"1" * 200,
        b"01",
        b"-",
    ]
)


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """A right call of which one to three values, somewhere, are replaced, added or gone."""
    call: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(RIGHT))))
    for _ in range(draw(st.integers(1, 3))):
        place = call
        while draw(st.booleans()):
            inner = [v for v in place.values() if isinstance(v, dict)]
            if not inner:
                break
            place = draw(st.sampled_from(inner))
        key = draw(st.sampled_from(sorted(place)) | KEYS if place else KEYS)
        if draw(st.booleans()):
            place[key] = draw(ANY_JSON)
        else:
            place.pop(key, None)
    return call


def as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


EVENTS = st.sampled_from(RIGHT) | changed() | ANY_JSON
MALFORMED = st.builds(
    lambda call, where, noise: as_bytes(call)[:where] + noise + as_bytes(call)[where:],
    changed(),
    st.integers(0, 200),
    st.binary(max_size=6) | NUMBERS | st.sampled_from([b"[" * 3000, b'{"a":' * 40, b"\\ud800"]),
)
RAW_EVENTS = EVENTS.map(as_bytes) | MALFORMED | st.binary()
BODIES = (
    RAW_EVENTS
    | st.lists(EVENTS, max_size=4).map(lambda events: as_bytes({"batch": events}))
    | st.lists(RAW_EVENTS, max_size=3).map(lambda raw: b'{"batch":[' + b",".join(raw) + b"]}")
)

# What takes a reader into itself: mails in mails, parts in parts, brackets in brackets.
PIECES = [
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
    b"Content-Type:message/x\n\n",
]
PIECES += [b"--x\r\n", b'{"a":', b"[", b"a="]
NESTED = st.sampled_from(PIECES).map(lambda piece: piece * (32_000 // len(piece)))
