"""Segment's wire format, decoded: the one struct of ingest (which checks it) and identity.

What ingest has accepted decodes here again, so it never becomes a dead letter for its form. What
no count, money or mail could use is made harmless: fractions are rounded to 100 digits, numbers
beyond 10^100 and what is nested deeper than 32 levels are kept as text.
"""

from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Annotated, Any, Literal

import msgspec

from shared.contracts.addresses import address
from shared.contracts.codec import encode

Kind = Literal["track", "identify", "page", "screen", "alias", "group"]
Plain = dict[str, Any]

# Wider than any money or count, narrow enough for PostgreSQL's numeric and for Decimal.
MAX_NUMBER_CHARACTERS = 100
MAX_EXPONENT = 100
MAX_DEPTH = 32
MAX_ID = 256  # characters of an id or an event's name

Text = Annotated[str, msgspec.Meta(max_length=MAX_ID)]
Id = Text | int


class BadCall(ValueError):  # noqa: N818  named for the fact
    """No event can be made of this: the field, and what to do about it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


class Call(msgspec.Struct, frozen=True, rename="camel"):
    """The fields that Tuvi looks at; what else the shop sends stays in the bytes."""

    type: Kind
    event: Text | None = None
    message_id: Id | None = None
    user_id: Id | None = None
    anonymous_id: Id | None = None
    previous_id: Id | None = None
    timestamp: datetime | None = None
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None
    properties: Plain | None = None
    traits: Plain | None = None
    context: Plain | None = None


def decode(raw: bytes | msgspec.Raw) -> Call:
    """Raises msgspec.MsgspecError, UnicodeDecodeError or RecursionError."""
    call = _decoder.decode(raw)
    return _tamed(call) if _wild(bytes(raw)) else call


def _number(text: str) -> Decimal | str:
    """Rounded if it is too fine; the text itself if it is beyond all money and counts."""
    try:
        number = _ROUNDED.create_decimal(text)
    except ArithmeticError:
        return text
    if number.adjusted() < -MAX_EXPONENT:
        return Decimal(0)
    return number if number.adjusted() <= MAX_EXPONENT else text


_ROUNDED = Context(prec=MAX_NUMBER_CHARACTERS)
_decoder = msgspec.json.Decoder(Call, float_hook=_number)
_TOO_LARGE = 10**MAX_NUMBER_CHARACTERS
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")  # ten times faster than a pattern
_MANY_DIGITS = b"0" * (MAX_NUMBER_CHARACTERS + 1)


def _wild(raw: bytes) -> bool:
    """May be nested too deeply, or have a whole number too long, which no hook is asked about."""
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        return True
    return len(raw) > MAX_NUMBER_CHARACTERS and _MANY_DIGITS in raw.translate(_DIGITS_ALIKE)


def _tamed(call: Call) -> Call:
    return msgspec.structs.replace(
        call,
        properties=_tame(call.properties, MAX_DEPTH - 1),
        traits=_tame(call.traits, MAX_DEPTH - 1),
        context=_tame(call.context, MAX_DEPTH - 1),
    )


def _tame(value: Any, levels: int) -> Any:
    if isinstance(value, int):
        return value if abs(value) < _TOO_LARGE else str(value)
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return encode(value).decode()
    if isinstance(value, list):
        return [_tame(one, levels - 1) for one in value]
    return {name: _tame(one, levels - 1) for name, one in value.items()}


class Arrival(msgspec.Struct, frozen=True):
    """When a call came. `sent_at`: its batch's. `history`: it is no news, so no clock is asked."""

    received_at: datetime
    sent_at: datetime | None = None
    history: bool = False


def said_at(call: Call, arrival: Arrival) -> datetime | None:
    """When the caller says it happened, by the server's clock; None if it says nothing.

    As Segment does it: what the client's clock is wrong by is seen in `sentAt`, the call's or else
    its batch's. Of an import it was seen then, not now. Times without a zone are taken as UTC
    (ingest refuses them). Raises OverflowError.
    """
    said = call.timestamp or call.original_timestamp
    if said is None:
        return None
    at = _aware(said)
    sent_at = None if arrival.history else call.sent_at or arrival.sent_at
    return at if sent_at is None else at + (arrival.received_at - _aware(sent_at))


def traits_of(call: Call) -> Plain:
    """The contact's own, as they count."""
    stated = stated_traits(call)
    return {**stated["context.traits"], **stated["traits"]}


def stated_traits(call: Call) -> dict[str, Plain]:
    """The contact's own, by where they stand: those of a `group` call are the group's, and
    RudderStack's SDKs put those of an `identify` into the context.
    """
    nested = context_traits(call) if call.type == "identify" else None
    return {
        "traits": {} if call.type == "group" else call.traits or {},
        "context.traits": nested or {},
    }


def context_traits(call: Call) -> Plain | None:
    nested = call.context.get("traits") if call.context else None
    return nested if isinstance(nested, dict) else None


def email_of(call: Call) -> str:
    """The address that the call names its contact by, as `addresses` writes it; empty if none."""
    return next((found for _, given in given_emails(call) if (found := address(given))), "")


def given_emails(call: Call) -> list[tuple[str, Any]]:
    """What stands where a call gives its contact's address: (field, value), addresses or not.

    The traits of a `group` call are the group's.
    """
    properties, traits, nested = call.properties, call.traits, context_traits(call)
    found: list[tuple[str, Any]] = []
    if traits and call.type != "group":
        _note_email(found, "traits.email", traits)
    if nested:
        _note_email(found, "context.traits.email", nested)
    if properties:
        _note_email(found, "properties.email", properties)
    return found


def _note_email(found: list[tuple[str, Any]], field: str, place: Plain) -> None:
    given = place.get("email")
    if given is not None and str(given).strip():
        found.append((field, given))


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
