"""How one field is read from a webhook's payload: total, for shops send numbers as ids, texts as
money and nulls anywhere. What is missing, null or odd is None, and is left out.

A path is `customer.email`, `discount_codes.0.code` or `fulfillments.last.id`.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from shared.conditions.values import amount
from shared.contracts.wire import Plain

Value = Callable[[Plain], Any]
MAX_TEXT = 1_000
MAX_TAGS = 250
MAX_ITEMS = 2_500
SOURCE = "_source"  # what the table knows of the source, put into the payload for the tables
GONE = object()  # a value that is no more: it becomes null, which takes a product's fact away


class Fields(dict[str, Value]):
    """A table: our field -> how it is read. A field that comes out as None is left out."""


def filled(fields: Fields, payload: Plain) -> Plain:
    """What the table makes of the payload."""
    found = {field: value(payload) for field, value in fields.items()}
    there = {field: value for field, value in found.items() if value is not None}
    return {field: None if value is GONE else value for field, value in there.items()}


def at(payload: Any, path: str) -> Any:
    """What stands there; None if there is no such place."""
    for step in path.split("."):
        if isinstance(payload, dict):
            payload = payload.get(step)
        elif isinstance(payload, list) and (step == "last" or step.isdecimal()):
            place = len(payload) - 1 if step == "last" else int(step)
            payload = payload[place] if 0 <= place < len(payload) else None
        else:
            return None
    return payload


def as_text(found: Any) -> str | None:
    """Ids may be numbers. PostgreSQL takes no NUL, and half a character is none."""
    if isinstance(found, bool):
        return None
    if isinstance(found, int):
        return str(found)
    if isinstance(found, Decimal) and amount(found) is not None:
        return f"{found:f}"
    if not isinstance(found, str):
        return None
    clean = found.replace("\x00", "").encode("utf-8", "ignore").decode().strip()
    return clean[:MAX_TEXT] or None


def text(path: str) -> Value:
    """A text; numbers become texts."""
    return lambda payload: as_text(at(payload, path))


def lower(path: str) -> Value:
    """A text in small letters."""
    return lambda payload: (as_text(at(payload, path)) or "").lower() or None


def money(path: str) -> Value:
    """An exact Decimal."""
    return lambda payload: amount(at(payload, path))


def number(path: str) -> Value:
    """A whole number as int, another one as Decimal."""
    return lambda payload: whole(amount(at(payload, path)))


def whole(found: Decimal | None) -> int | Decimal | None:
    return int(found) if found is not None and found == found.to_integral_value() else found


def flag(path: str) -> Value:
    """True or false."""
    return lambda payload: found if isinstance(found := at(payload, path), bool) else None


def moment(path: str) -> Value:
    """An instant as `2026-01-31T12:00:00Z`. Read from ISO 8601 (UTC if it has no zone), RFC 2822
    or seconds since 1970.
    """
    return lambda payload: as_moment(at(payload, path))


def as_moment(found: Any) -> str | None:
    try:
        when = _read(found)
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None
    return when.isoformat().replace("+00:00", "Z") if when.year >= 1000 else None  # noqa: PLR2004


def _read(found: Any) -> datetime:
    if isinstance(found, int | Decimal) and not isinstance(found, bool):
        return datetime.fromtimestamp(int(found), UTC)
    if not isinstance(found, str):
        raise TypeError
    try:
        return datetime.fromisoformat(found.strip())
    except ValueError:
        return parsedate_to_datetime(found)


def words(path: str) -> Value:
    """A list of texts, from a list or from `one, two`."""

    def read(payload: Plain) -> list[str] | None:
        found = at(payload, path)
        parts = found.split(",") if isinstance(found, str) else found
        if not isinstance(parts, list):
            return None
        return [word for part in parts[:MAX_TAGS] if (word := as_text(part))] or None

    return read


def constant(said: Any) -> Value:
    return lambda _: said


def first(*values: Value) -> Value:
    """The first that is there."""
    return lambda payload: next((f for v in values if (f := v(payload)) is not None), None)


def joined(*values: Value, by: str = " ") -> Value:
    """Texts put together: a first and a last name."""
    return lambda payload: by.join(str(f) for v in values if (f := v(payload)) is not None) or None


def chosen(path: str, names: Mapping[str, str]) -> Value:
    """Our word for the shop's; None for one that is not in the list."""
    return lambda payload: names.get((as_text(at(payload, path)) or "").lower())


def when(condition: Value, then: Value) -> Value:
    """`then`, if the condition is there and true."""
    return lambda payload: then(payload) if condition(payload) else None


def summed(*values: Value) -> Value:
    """The sum of the amounts that are there; None if none is."""

    def read(payload: Plain) -> Decimal | None:
        found = [amount(value(payload)) for value in values]
        there = [one for one in found if one is not None]
        return amount(sum(there, Decimal(0))) if there else None

    return read


def each(path: str, fields: Fields) -> Value:
    """A list of objects, each by the table."""
    return lambda payload: (
        [f for item in items(payload, path) if (f := filled(fields, item))] or None
    )


def keyed(path: str, key: Value, fields: Fields) -> Value:
    """The same as `{key: object}`."""

    def read(payload: Plain) -> Plain | None:
        found = {key(item): filled(fields, item) for item in items(payload, path)}
        found.pop(None, None)
        return found or None

    return read


def less(value: Value, *others: Value) -> Value:
    """An amount without others, such as a total without its tax; never below nothing."""

    def read(payload: Plain) -> Decimal | None:
        found, off = amount(value(payload)), summed(*others)(payload)
        return found if found is None or off is None else amount(max(found - off, Decimal(0)))

    return read


def total(path: str, value: Value) -> Value:
    """The sum of an amount over a list."""
    return lambda payload: summed(*(_of(item, value) for item in items(payload, path)))(payload)


def _of(item: Plain, value: Value) -> Value:
    return lambda _: value(item)


def nested(fields: Fields) -> Value:
    """An object made by a table of its own."""
    return lambda payload: filled(fields, payload) or None


def listed(path: str) -> Callable[[Plain], list[Plain]]:
    """The objects of a list."""
    return lambda payload: items(payload, path)


def items(payload: Plain, path: str) -> list[Plain]:
    """The objects of a list, each knowing the source."""
    found = at(payload, path)
    listed = found[:MAX_ITEMS] if isinstance(found, list) else []
    source = payload.get(SOURCE)
    return [{**item, SOURCE: source} for item in listed if isinstance(item, dict)]


def source(name: str) -> Value:
    """A fact of the source's settings, such as `url`."""
    return text(f"{SOURCE}.{name}")


def user(path: str) -> Value:
    """A customer's id as userId, behind the source's `user_id_prefix`. 0 is a guest."""

    def read(payload: Plain) -> str | None:
        found = as_text(at(payload, path))
        prefix = as_text(at(payload, f"{SOURCE}.user_id_prefix")) or ""
        return f"{prefix}{found}"[:256] if found and found != "0" else None

    return read
