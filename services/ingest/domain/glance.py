"""The quick look at events: yes to what is plainly good, and what is left is checked thoroughly.

It decides nothing by itself: whatever it lets pass, `validation` would. It makes nothing of the
fields that nobody asks about, which is most of what reading a call costs.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from shared.contracts.addresses import address
from shared.contracts.keys import identity_key
from shared.contracts.profile import ConsentState
from shared.contracts.wire import Arrival, Text
from shared.contracts.zones import is_zone

from .consent import MAX_TOPICS
from .orders import needs_order
from .public import is_submission
from .validation import MOST_AHEAD, OLDEST

SMALL = 800  # bytes: too few for a nesting too deep or a number too long to be read again
Event = bytes | msgspec.Raw
_MOST = 1e14  # amounts are exact below ten times as much
_MOST_ID = 10**18
_BACKSLASH = ord("\\")

_Amount = Annotated[float, msgspec.Meta(gt=-_MOST, lt=_MOST)]
_Id = Text | Annotated[int, msgspec.Meta(gt=-_MOST_ID, lt=_MOST_ID)]
_Currency = Annotated[str, msgspec.Meta(min_length=3, max_length=3)]
UNSAID = msgspec.Raw()


class _Good(msgspec.Struct, gc=False):
    price: _Amount | None = None


class _Properties(msgspec.Struct, gc=False):
    price: _Amount | None = None
    products: list[_Good] | None = None
    email: str | None = None
    consent_topics: msgspec.Raw = UNSAID
    order_id: _Id | None = None
    total: _Amount | None = None
    revenue: _Amount | None = None
    currency: _Currency | None = None


class _Word(msgspec.Struct, gc=False):
    state: ConsentState
    source: Text | None = None
    text: Text | None = None
    box: Text | None = None
    since: msgspec.Raw = UNSAID


class _Traits(msgspec.Struct, gc=False):
    email: str | None = None
    timezone: str | None = None
    consent: dict[Text, _Word] | msgspec.UnsetType | None = msgspec.UNSET
    email_frequency: msgspec.Raw = UNSAID


class _Context(msgspec.Struct, gc=False):
    traits: _Traits | None = None


class Glimpse(msgspec.Struct, rename="camel", gc=False):
    """A call as far as it is looked at."""

    type: Literal["track", "identify", "page", "screen"]
    event: Text | None = None
    message_id: _Id | None = None
    user_id: _Id | None = None
    anonymous_id: _Id | None = None
    previous_id: _Id | None = None
    timestamp: datetime | None = None
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None
    properties: _Properties | None = None
    traits: _Traits | None = None
    context: _Context | None = None
    write_key: msgspec.Raw = UNSAID


class _Batch(msgspec.Struct):
    batch: list[Glimpse]


_one = msgspec.json.Decoder(Glimpse).decode
_many = msgspec.json.Decoder(_Batch).decode
_UNREADABLE = msgspec.MsgspecError, UnicodeDecodeError, RecursionError


def glimpse(event: bytes) -> Glimpse | None:
    """None if it must be read thoroughly."""
    try:
        if not event.isascii():
            event.decode()
        return None if _has_nul(event) else _one(event)
    except _UNREADABLE:
        return None


def glimpses(batch: bytes) -> list[Glimpse] | None:
    """Of all events of a body in UTF-8, in one go; None if one of them must be read thoroughly."""
    try:
        return None if _has_nul(batch) else _many(batch).batch
    except _UNREADABLE:
        return None


def _has_nul(text: bytes) -> bool:
    """One that PostgreSQL would not keep, or its like. Backslashes are found much faster."""
    return _BACKSLASH in text and b"\\u0000" in text


class Glance(msgspec.Struct, frozen=True):
    """What is the same for all events of a request."""

    public: bool
    arrival: Arrival
    earliest: datetime
    latest: datetime
    user: str
    anonymous: str

    @classmethod
    def at(cls, workspace: str, arrival: Arrival, *, public: bool) -> "Glance":
        """For what comes by a door of this workspace."""
        keys = identity_key(workspace, "user", ""), identity_key(workspace, "anonymous", "")
        return cls(public, arrival, *_bounds(arrival, arrival.sent_at), *keys)

    def key_of(self, call: Glimpse, event: Event) -> str | None:
        """Kafka's key, the strongest identity, if the event is plainly good; else None."""
        if len(event) > SMALL:
            return None
        if call.type == "track" and not (_is_free(call.event) or _is_order(call)):
            return None
        if not self._is_timely(call):
            return None
        said, user = call.properties, call.user_id
        if (
            call.traits is not None
            or call.context is not None
            or (said is not None and (said.email is not None or said.consent_topics is not UNSAID))
        ) and not self._is_harmless(call):
            return None
        if user is not None:
            known = user if type(user) is str else str(user)
            return self.user + known if known.strip() else None
        known = "" if call.anonymous_id is None else str(call.anonymous_id)
        return self.anonymous + known if known.strip() and not _emails(call) else None

    def _is_timely(self, call: Glimpse) -> bool:
        said = call.timestamp
        try:
            if call.sent_at is None and call.original_timestamp is None:
                return said is None or self.earliest <= said <= self.latest
            earliest, latest = _bounds(self.arrival, call.sent_at or self.arrival.sent_at)
            moments = said, call.original_timestamp, call.sent_at
            zoned = all(moment is None or moment.tzinfo is not None for moment in moments)
            at = said or call.original_timestamp
            timely = at is None or earliest <= at <= latest
        except (TypeError, OverflowError):  # without a zone; beyond the calendar
            return False
        return zoned and timely

    def _is_harmless(self, call: Glimpse) -> bool:
        """What it says of consent is well formed, every e-mail is one, a time zone too, and it may
        say so.
        """
        traits, emails = _traits(call), _emails(call)
        if self.public:
            topics = call.properties is not None and call.properties.consent_topics is not UNSAID
            beyond = any(
                t.consent is not msgspec.UNSET or t.email_frequency is not UNSAID for t in traits
            )
            if topics or beyond or (emails and call.user_id is not None):
                return False
        zoned = all(is_zone(t.timezone) for t in traits if t.timezone)
        return zoned and all(map(_is_consent, traits)) and all(map(address, emails))


def _is_consent(traits: _Traits) -> bool:
    said = traits.consent
    if said is msgspec.UNSET or said is None:
        return True
    if len(said) > MAX_TOPICS:
        return False
    return all(topic.strip() and word.since is UNSAID for topic, word in said.items())


def _traits(call: Glimpse) -> list[_Traits]:
    nested = call.context.traits if call.context is not None else None
    return [traits for traits in (call.traits, nested) if traits is not None]


def _emails(call: Glimpse) -> list[str]:
    found = [traits.email for traits in _traits(call)]
    if call.properties is not None:
        found.append(call.properties.email)
    return [email for email in found if email is not None]


def _is_order(call: Glimpse) -> bool:
    """Of an order, and with what each of them needs."""
    properties = call.properties
    if properties is None or not needs_order(call.event or ""):
        return False
    order, currency = properties.order_id, properties.currency
    paid = properties.total is not None or properties.revenue is not None
    coded = currency is not None and currency.isascii() and currency.isalpha()
    return paid and coded and order is not None and str(order).strip() != ""


@lru_cache(maxsize=1024)
def _is_free(name: str | None) -> bool:
    """An event of this name needs nothing."""
    named = name is not None and name.strip() != ""
    return named and not (is_submission(name or "") or needs_order(name or ""))


def _bounds(arrival: Arrival, sent_at: datetime | None) -> tuple[datetime, datetime]:
    """Between which times a call may say it happened, by the caller's clock."""
    if sent_at is None or arrival.history:
        return OLDEST, arrival.received_at + MOST_AHEAD
    sent_at = sent_at.astimezone(UTC)
    return OLDEST - (arrival.received_at - sent_at), sent_at + MOST_AHEAD
