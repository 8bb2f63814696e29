"""Whether a value passes a check that does not depend on the time: compiled to closures."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from .tree import Check, Where
from .values import instant, number

Numeric = Decimal | int
Test = Callable[[object], bool]
Read = Callable[[Mapping[str, Any]], object]


@lru_cache(maxsize=4096)
def properties_test(where: Where) -> Callable[[Mapping[str, Any]], bool]:
    """The closure of a `where`: true when every check passes."""
    tests = [(reader(name, check.currency), value_test(check)) for name, check in where.checks]

    def test(properties: Mapping[str, Any]) -> bool:
        return all(passes(read(properties)) for read, passes in tests)

    return test


def matches(where: Where, properties: Mapping[str, Any]) -> bool:
    """Whether an event's properties have all that `where` asks."""
    return properties_test(where)(properties)


def reader(name: str, currency: str | None) -> Read:
    """A function that gets `name` from traits or properties; None when it is not there.

    A name with dots that is not itself a key leads into nested mappings. With a currency the
    value is an amount: of a mapping by currency that currency's, of a number the number, if the
    `currency` beside it is the one asked for.
    """
    *parents, last = name.split(".")

    def read(source: Mapping[str, Any]) -> object:
        if not parents or name in source:
            return source.get(name)
        holder = _nested(source, parents)
        return holder.get(last) if holder is not None else None

    def read_money(source: Mapping[str, Any]) -> object:
        value = read(source)
        if isinstance(value, Mapping):
            return value.get(currency)
        holder = _nested(source, parents) if parents and name not in source else source
        beside = (holder or source).get("currency", source.get("currency"))
        return value if beside == currency else None

    return read if currency is None else read_money


def _nested(source: Mapping[str, Any], keys: list[str]) -> Mapping[str, Any] | None:
    found: object = source
    for key in keys:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found if isinstance(found, Mapping) else None


def value_test(check: Check) -> Test:
    """The closure of one check on a raw value; `is_not` and `not_in` are plain negations."""
    if check.op in _NEGATIONS:
        positive = value_test(Check(_NEGATIONS[check.op], check.kind, check.operands))
        return lambda value: not positive(value)
    if check.op == "exists":
        wanted = bool(check.operands[0])
        return lambda value: (value is not None) == wanted
    if check.op == "contains":
        return _contains(check)
    if check.kind == "number":
        test = number_test(check)
        return lambda value: (found := number(value)) is not None and test(found)
    if check.kind == "instant":
        return _dated(check)
    return _texts(check)


def number_test(check: Check) -> Callable[[Numeric], bool]:
    """The closure of a check on a number, such as a count or a sum."""
    operands = [_small(operand) for operand in check.operands if isinstance(operand, Decimal)]
    low, high = operands[0], operands[-1]
    options = frozenset(operands)
    tests: dict[str, Callable[[Numeric], bool]] = {
        "is": lambda value: value == low,
        "is_not": lambda value: value != low,
        "in": lambda value: value in options,
        "not_in": lambda value: value not in options,
        "gt": lambda value: value > low,
        "gte": lambda value: value >= low,
        "lt": lambda value: value < low,
        "lte": lambda value: value <= low,
        "between": lambda value: low <= value <= high,
    }
    return tests[check.op]


def _small(operand: Decimal) -> Numeric:
    """A whole number as int: comparing counts with it is several times faster."""
    return int(operand) if operand == operand.to_integral_value() else operand


def _contains(check: Check) -> Test:
    single = value_test(Check("is", check.kind, check.operands))
    wanted = check.operands[0]

    def contains(value: object) -> bool:
        if isinstance(value, str):
            return isinstance(wanted, str) and wanted in value
        return isinstance(value, list | tuple) and any(single(item) for item in value)

    return contains


def _dated(check: Check) -> Test:
    edge = check.operands[0]
    assert isinstance(edge, int)  # noqa: S101 - the parser made it
    if check.op == "before":
        return lambda value: (at := instant(value)) is not None and at < edge
    return lambda value: (at := instant(value)) is not None and at > edge


def _texts(check: Check) -> Test:
    options = frozenset(check.operands)
    wanted = check.operands[0]
    if check.kind == "flag":
        return lambda value: isinstance(value, bool) and value in options
    text = str(wanted)
    tests: dict[str, Test] = {
        "is": lambda value: isinstance(value, str) and value == text,
        "in": lambda value: isinstance(value, str) and value in options,
        "starts_with": lambda value: isinstance(value, str) and value.startswith(text),
        "ends_with": lambda value: isinstance(value, str) and value.endswith(text),
    }
    return tests[check.op]


_NEGATIONS = {"is_not": "is", "not_in": "in"}
