"""From a request's body to checked events: pure, so that any bytes can be thrown at it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from shared.contracts import StoreEvent
from shared.contracts.codec import encode
from shared.contracts.events import Origin
from shared.contracts.keys import identity_key
from shared.contracts.wire import Arrival, BadCall, Call, Plain, email_of

from .explaining import explained
from .glance import UNSAID, Event, Glance, Glimpse, glimpse, glimpses
from .public import PREFIX, check_public, unused
from .validation import MAX_BATCH_EVENTS, checked, doubts, given

BATCH = "batch"
KINDS = ("track", "identify", "page", "screen", "alias", "group", BATCH)
# Segment's library for browsers posts to the first letter.
ROUTES = {f"/v1/{name}": kind for kind in KINDS for name in (kind, kind[0])}

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
FEW = 3  # events, of which each is encoded by itself
_ID, _EVENT = "\ue000id", "\ue000event"  # places in a message that is encoded once for many


class Body(msgspec.Struct, frozen=True):
    """The events of a request, as they came. `key`: the write key, if the body carries it.

    `seen`: of each event, if nothing hinders.
    """

    events: Sequence[Event]
    key: str = ""
    sent_at: datetime | None = None
    seen: list[Glimpse] | None = None


class Remark(NamedTuple):
    """Why one event was not taken, or what will not work though it was.

    `field` is `body` if it is about the whole request.
    """

    place: int
    message_id: str
    field: str
    message: str

    def plain(self) -> Plain:
        return {
            "index": self.place,
            "messageId": self.message_id,
            "field": self.field,
            "message": self.message,
        }


class Ready(msgspec.Struct, frozen=True, gc=False):
    """An event that can be published: its place in the request, Kafka's key and value."""

    place: int
    message_id: str
    key: str
    value: bytes
    warnings: tuple[Remark, ...] = ()


class Sender(msgspec.Struct, frozen=True):
    """Who sends, and when it came (business time). `new_id` makes an id for events without one.

    `via`, `public` and `sent_at` as `StoreEvent` has them.
    """

    workspace: str
    received_at: datetime
    new_id: Callable[[], str]
    origin: Origin = "live"
    via: str = ""
    public: bool = False
    sent_at: datetime | None = None


class _Single(msgspec.Struct, rename="camel"):
    type: msgspec.Raw = msgspec.Raw()
    write_key: str | None = None


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    write_key: str | None = None
    sent_at: msgspec.Raw = msgspec.Raw()


class _IdOnly(msgspec.Struct, rename="camel"):
    message_id: str | int = ""


_single = msgspec.json.Decoder(_Single)
_batch = msgspec.json.Decoder(_Batch)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_time = msgspec.json.Decoder(datetime)
_id_only = msgspec.json.Decoder(_IdOnly)


def read(kind: str, data: bytes) -> Body:
    """Raises BadCall if nothing can be told about any event of it."""
    try:
        if not data.isascii():
            data.decode()
        if kind != BATCH:
            return _read_single(kind, data)
        batch = _batch.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _about_body(kind, data, error) from error
    if len(batch.batch) > MAX_BATCH_EVENTS:
        many = f"has {len(batch.batch)} events; the limit is {MAX_BATCH_EVENTS}, so send several"
        raise BadCall("batch", many)
    seen = glimpses(data)
    events = _without_keys(batch.batch, seen)
    return Body(events, batch.write_key or "", _moment(batch.sent_at), seen)


def _without_keys(events: Sequence[Event], seen: list[Glimpse] | None) -> Sequence[Event]:
    """Segment's library for browsers writes it into each of them, too."""
    if seen is not None and all(call.write_key is UNSAID for call in seen):
        return events
    return [_without_key(event) for event in events]


def _moment(said: msgspec.Raw) -> datetime | None:
    """A batch's `sentAt`; None if no clock could show it, for its events may be good."""
    try:
        moment = _time.decode(said)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return moment if moment.tzinfo and _EARLIEST <= moment <= _LATEST else None


def _read_single(kind: str, data: bytes) -> Body:
    """`type` is the route's if the body does not say it; the key is not kept with the event."""
    event, seen = data.strip(), glimpse(data)
    if seen is not None and seen.type == kind and seen.write_key is UNSAID:
        return Body([event], seen=[seen])
    single = _single.decode(data)
    event = _without_key(event)
    own = b'"%s"' % kind.encode()
    said = bytes(single.type)
    if not said:
        rest = event[1:].lstrip()
        event = b'{"type":%s%s%s' % (own, b"" if rest == b"}" else b",", rest)
    elif said != own:
        raise BadCall("type", f"is not {kind!r}, as the route says; leave it out or use /v1/batch")
    return Body([event], single.write_key or "")


def _without_key(event: Event) -> bytes:
    try:
        fields = _fields.decode(event)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return bytes(event)  # is no event, and will be refused
    if "writeKey" not in fields:
        return bytes(event)
    del fields["writeKey"]
    return encode(fields)


def _about_body(kind: str, data: bytes, error: Exception) -> BadCall:
    text = str(error)
    if "`batch`" in text or "`$.batch`" in text:
        return BadCall("batch", 'must be a list of events: {"batch": [{"type": "track", …}]}')
    if "`$.writeKey`" in text:
        return BadCall("writeKey", "must be a text, a key made by `tuvi keys create`")
    if isinstance(error, msgspec.ValidationError):
        wanted = '{"batch": […]}' if kind == BATCH else "one event"
        return BadCall("body", f"must be a JSON object, {wanted}")
    return explained(data, error, "body")


def understood(
    events: Sequence[Event], sender: Sender, seen: list[Glimpse] | None = None
) -> tuple[list[Ready], list[Remark]]:
    """Each event is judged by itself; those that are good do not depend on those that are not.

    `seen`: as `read` saw them.
    """
    ready: list[Ready] = []
    refused: list[Remark] = []
    warnings: tuple[Remark, ...]
    arrival = Arrival(sender.received_at, sender.sent_at, sender.origin != "live")
    glance = Glance.at(sender.workspace, arrival, public=sender.public)
    stored = _Stored(sender) if len(events) > FEW else None
    all_seen = map(glimpse, map(bytes, events)) if seen is None else seen
    for index, (event, call_seen) in enumerate(zip(events, all_seen, strict=True)):
        key = glance.key_of(call_seen, event) if call_seen is not None else None
        if call_seen is not None and key is not None:
            message_id, warnings = _id_or_new(call_seen.message_id, sender), ()
        else:
            try:
                call = checked(bytes(event), arrival)
                if sender.public:
                    check_public(call)
            except BadCall as bad:
                refused.append(Remark(index, _id_of(event), bad.field, bad.message))
                continue
            key, message_id = key_of(sender.workspace, call), _id_or_new(call.message_id, sender)
            warnings = _warnings(index, message_id, call, sender)
        kept_as = PREFIX + message_id if sender.public else message_id
        value = stored.message(kept_as, event) if stored else _stored(sender, kept_as, event)
        ready.append(Ready(index, message_id, key, value, warnings))
    return ready, refused


def _stored(sender: Sender, message_id: str, event: Event) -> bytes:
    return encode(
        StoreEvent(
            workspace=sender.workspace,
            message_id=message_id,
            received_at=sender.received_at,
            event=msgspec.Raw(event),
            origin=sender.origin,
            sent_at=sender.sent_at,
            via=sender.via,
            public=sender.public,
        )
    )


class _Stored:
    """What is the same in all of a request's messages, encoded once: it were half of the cost."""

    def __init__(self, sender: Sender) -> None:
        whole = _stored(sender, _ID, encode(_EVENT))
        self._head, rest = whole.split(encode(_ID))
        self._middle, self._tail = rest.split(encode(_EVENT))

    def message(self, message_id: str, event: Event) -> bytes:
        """As `_stored` gives it."""
        return b"".join((self._head, encode(message_id), self._middle, event, self._tail))


def _id_or_new(given: str | int | None, sender: Sender) -> str:
    return ("" if given is None else str(given).strip()) or sender.new_id()


def _warnings(index: int, message_id: str, call: Call, sender: Sender) -> tuple[Remark, ...]:
    found = doubts(call)
    if sender.public:
        found = [*found, *unused(call)]
    return tuple(Remark(index, message_id, d.field, d.message) for d in found)


def key_of(workspace: str, call: Call) -> str:
    """Kafka's key: the strongest identity that is given, so that one door keeps its order."""
    if given(call.user_id):
        return identity_key(workspace, "user", str(call.user_id))
    email = email_of(call)
    if email:
        return identity_key(workspace, "email", email.casefold())
    if given(call.anonymous_id):
        return identity_key(workspace, "anonymous", str(call.anonymous_id))
    raise BadCall("userId", "is missing")  # cannot be: it was checked


def _id_of(event: Event) -> str:
    try:
        return str(_id_only.decode(event).message_id)[:80]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
