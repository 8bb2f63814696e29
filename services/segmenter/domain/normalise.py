"""From a store event as it came to an `Event` as everything after identity knows it.

- names of other tools become Segment's;
- `value` of Product Added is price x quantity where the shop does not give it;
- `at` is by the server's clock and never later than `received_at`;
- e-mail addresses are trimmed and their domain is lower-cased, wherever they stand;
- `context.email` is the address by which the event names its contact, wherever it stood;
- `traits` are the contact's own: the traits of a `group` call are the group's and go to
  `properties`.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from shared.contracts import Event, StoreEvent

from .call import Call, Plain, decode, happened_at
from .event_names import known_as

_NUMBERS = (int, str, Decimal)


def normalised(stored: StoreEvent) -> tuple[Call, Event]:
    """The call for its identities, the event for everybody after. Raises Impossible."""
    call = decode(stored.event)
    name = known_as(call.event or "") if call.type == "track" else ""
    is_group = call.type == "group"
    properties = {**(call.properties or {}), **((call.traits or {}) if is_group else {})}
    traits = {} if is_group else dict(call.traits or {})
    context = dict(call.context or {})
    if isinstance(context.get("traits"), dict):
        context["traits"] = _with_tidy_email(context["traits"])
    context.pop("email", None)
    email = _email_of(call)
    if email:
        context["email"] = email
    return call, Event(
        message_id=stored.message_id,
        kind=call.type,
        at=happened_at(call, stored.received_at),
        received_at=stored.received_at,
        name=name,
        properties=_priced(name, _with_tidy_email(properties)),
        traits=_with_tidy_email(traits),
        context=context,
        origin=stored.origin,
    )


def _email_of(call: Call) -> str:
    """The address that the call names its contact by, tidy; empty if none."""
    context = call.context or {}
    own_traits = call.traits if call.type != "group" else None
    for place in (own_traits, context.get("traits"), call.properties):
        if isinstance(place, dict):
            given = place.get("email")
            if isinstance(given, str) and given.strip():
                return tidy_email(given)
    return ""


def tidy_email(given: str) -> str:
    """Trimmed, the domain in lower case; the local part is the mail server's business."""
    local, at, domain = given.strip().rpartition("@")
    return f"{local}{at}{domain.lower()}"


def _with_tidy_email(plain: Plain) -> Plain:
    if isinstance(plain.get("email"), str):
        return {**plain, "email": tidy_email(plain["email"])}
    return plain


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
    return {**properties, "value": value} if value.is_finite() else properties


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
