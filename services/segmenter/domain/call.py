"""A call of a shop in Segment's wire format, decoded tolerantly: ingest has validated it.

What is impossible all the same is `Impossible`, with the field, and ends in the dead letters.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

Kind = Literal["track", "identify", "page", "screen", "alias", "group"]
Plain = dict[str, Any]


class Impossible(ValueError):  # noqa: N818  named for the fact
    """No event can be made of this; the text names the field and the fix."""


class Call(msgspec.Struct, frozen=True, rename="camel"):
    """The fields that identity looks at. Times without a zone are taken as UTC."""

    type: Kind
    event: str | None = None
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    previous_id: str | int | None = None
    timestamp: datetime | None = None
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None
    properties: Plain | None = None
    traits: Plain | None = None
    context: Plain | None = None


_decoder = msgspec.json.Decoder(Call, float_hook=Decimal)


def decode(raw: bytes | msgspec.Raw) -> Call:
    """Raises Impossible."""
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise Impossible(f"event: {error}") from error


def happened_at(call: Call, received_at: datetime) -> datetime:
    """When it happened, by the server's clock, never later than it was received.

    As Segment does it: what the client's clock is wrong by is seen in `sentAt`.
    """
    said = call.timestamp or call.original_timestamp
    if said is None:
        return received_at
    try:
        at = _aware(said)
        if call.sent_at is not None:
            at += received_at - _aware(call.sent_at)
    except OverflowError as error:
        raise Impossible("timestamp, sentAt: too far apart for a calendar") from error
    return min(at, received_at)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
