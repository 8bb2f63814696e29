"""From a store event as it came to an `Event` as everything after identity knows it.

- names of other tools become Segment's;
- `value` of Product Added is price x quantity where the shop does not give it;
- `at` is by the server's clock and never later than `received_at`;
- e-mail addresses are trimmed and their domain is lower-cased, wherever they stand; what is no
  address stays as it is and names nobody;
- `context.email` is the address by which the event names its contact, wherever it stood;
- `traits` are the contact's own: the traits of a `group` call are the group's and go to
  `properties`.
"""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from shared.contracts import Event, StoreEvent
from shared.contracts.addresses import address
from shared.contracts.wire import (
    MAX_EXPONENT,
    Arrival,
    BadCall,
    Call,
    Plain,
    decode,
    email_of,
    said_at,
    traits_of,
)

from .event_names import known_as

_NUMBERS = (int, str, Decimal)


def normalised(stored: StoreEvent) -> tuple[Call, Event]:
    """The call for its identities, the event for everybody after. Raises BadCall."""
    call, at = _decoded(stored)
    name = known_as(call.event or "") if call.type == "track" else ""
    is_group = call.type == "group"
    properties = {**(call.properties or {}), **((call.traits or {}) if is_group else {})}
    traits = traits_of(call)
    context = dict(call.context or {})
    if isinstance(context.get("traits"), dict):
        context["traits"] = _with_tidy_email(context["traits"])
    context.pop("email", None)
    email = email_of(call)
    if email:
        context["email"] = email
    return call, Event(
        message_id=stored.message_id,
        kind=call.type,
        at=at,
        received_at=stored.received_at,
        name=name,
        properties=_priced(name, _with_tidy_email(properties)),
        traits=_with_tidy_email(traits),
        context=context,
        origin=stored.origin,
    )


def _decoded(stored: StoreEvent) -> tuple[Call, datetime]:
    """The call, and when it happened."""
    try:
        call = decode(stored.event)
        arrival = Arrival(stored.received_at, stored.sent_at, stored.origin != "live")
        at = said_at(call, arrival)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise BadCall("event", f"{error}; ingest should have refused it") from error
    return call, stored.received_at if at is None else min(at, stored.received_at)


def _with_tidy_email(plain: Plain) -> Plain:
    tidy = address(plain.get("email"))
    return {**plain, "email": tidy} if tidy else plain


def _priced(name: str, properties: Plain) -> Plain:
    if name != "Product Added" or properties.get("value") is not None:
        return properties
    lines = [properties] if properties.get("price") is not None else properties.get("products")
    if not isinstance(lines, list) or not lines:
        return properties
    try:
        value = sum((_line_value(line) for line in lines), Decimal(0))
    except ArithmeticError:
        return properties
    if not value.is_finite() or abs(value.adjusted()) > MAX_EXPONENT:
        return properties
    return {**properties, "value": value}


def _line_value(line: Any) -> Decimal:
    """Price x quantity (1 if it is not said). Raises InvalidOperation when that is no number."""
    if not isinstance(line, dict):
        raise InvalidOperation
    quantity = line.get("quantity")
    return _number(line.get("price")) * _number(1 if quantity is None else quantity)


def _number(given: Any) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, _NUMBERS):
        raise InvalidOperation
    return Decimal(given)
