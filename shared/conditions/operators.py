"""Operators as written (`gte: 500`) into checks. Which exist where is said here, once."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from .errors import ConditionError, Path, unknown
from .tree import Check, Scalar
from .values import SPAN_FORMS, duration, instant, number

Kind = Literal["number", "text", "flag", "instant", "span"]

SAME = frozenset({"is", "is_not", "in", "not_in"})
SIZE = frozenset({"gt", "gte", "lt", "lte", "between"})
TEXT = frozenset({"contains", "starts_with", "ends_with"})
DATES = frozenset({"before", "after"})
AGES = frozenset({"in_last", "older_than"})

ON_PROPERTY = SAME | SIZE | TEXT | DATES | {"exists"}
ON_TRAIT = ON_PROPERTY | AGES
ON_COUNT = SAME | SIZE
ON_SUM = ON_COUNT
ON_EDGE = DATES | AGES
ON_CONSENT = SAME

MONEY = frozenset(
    {"total", "subtotal", "revenue", "value", "price", "tax", "shipping", "discount"}
    | {"revenue_total", "average_order_value", "historical_clv", "expected_clv"}
)
"""Properties and traits that are money by name: a number compared with one needs a currency."""

MAX_OPTIONS = 1_000
_CURRENCY_LETTERS = 3


def read_checks(
    data: Mapping[str, Any], path: Path, allowed: frozenset[str], *, name: str = ""
) -> tuple[Check, ...]:
    """Every operator in `data`, in the operators' order; `name` is what is compared."""
    written = {key: value for key, value in data.items() if key != "currency"}
    for op in written:
        if op not in allowed:
            raise unknown((*path, str(op)), "operator", op, allowed)
    if not written:
        raise ConditionError(path, "nothing is asked", "add an operator such as is, gte or exists")
    currency = read_currency(data, path)
    checks = []
    for op in sorted(written):
        kind, operands = _READERS[op](written[op], (*path, op))
        money = kind == "number" and name.rpartition(".")[2] in MONEY
        if money and currency is None:
            raise ConditionError(path, f"'{name}' is money", "say which, such as currency: EUR")
        checks.append(Check(op, kind, operands, currency if kind == "number" else None))
    if currency is not None and not any(check.currency for check in checks):
        raise ConditionError(
            (*path, "currency"), "a currency goes with a number", "such as gte: 500"
        )
    return tuple(checks)


def read_currency(data: Mapping[str, Any], path: Path) -> str | None:
    """The currency, if one is given: three capital letters."""
    if "currency" not in data:
        return None
    code = data["currency"]
    fits = isinstance(code, str) and code.isascii() and code.isalpha() and code.isupper()
    if not fits or len(code) != _CURRENCY_LETTERS:
        raise ConditionError((*path, "currency"), f"not a currency: {code!r}", "write EUR or SEK")
    return str(code)


def read_span(value: object, path: Path) -> int:
    """A duration's text as microseconds."""
    span = duration(value)
    if span is None:
        raise ConditionError(path, f"not a duration: {value!r}", SPAN_FORMS)
    return (span.days * 86_400 + span.seconds) * 1_000_000


def _scalar(value: object, path: Path) -> tuple[Kind, Scalar]:
    if isinstance(value, bool):
        return "flag", value
    if isinstance(value, str):
        return "text", str(value)
    if isinstance(value, int | float | Decimal):
        return "number", _number(value, path)
    if isinstance(value, date) and not isinstance(value, datetime):
        return "text", value.isoformat()  # YAML's 2026-01-31 without quotes
    hint = "for nothing write exists: false" if value is None else "for times write before, after"
    raise ConditionError(path, f"not a text, number, true or false: {value!r}", hint)


def _number(value: object, path: Path) -> Decimal:
    found = None if isinstance(value, str) else number(value)
    if found is None:
        raise ConditionError(path, f"not a number: {value!r}")
    # 50 and 50.00 mean the same, so they must be written the same in an aggregate's key.
    return found.normalize() + 0


def _one(value: object, path: Path) -> tuple[Kind, tuple[Scalar, ...]]:
    if isinstance(value, list):
        raise ConditionError(path, "one value, not a list", "for several write in or not_in")
    kind, scalar = _scalar(value, path)
    return kind, (scalar,)


def _several(value: object, path: Path) -> tuple[Kind, tuple[Scalar, ...]]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_OPTIONS:
        raise ConditionError(path, f"not a list of 1 to {MAX_OPTIONS} values", "such as [SE, DK]")
    pairs = [_scalar(option, (*path, index)) for index, option in enumerate(value)]
    kinds = {kind for kind, _ in pairs}
    if len(kinds) > 1:
        raise ConditionError(path, "a list of values of different kinds", "quote texts, or join")
    # Order and repeats in a list mean nothing, and must not in an aggregate's key.
    return kinds.pop(), tuple(sorted({scalar for _, scalar in pairs}))


def _limit(value: object, path: Path) -> tuple[Kind, tuple[Scalar, ...]]:
    return "number", (_number(value, path),)


def _range(value: object, path: Path) -> tuple[Kind, tuple[Scalar, ...]]:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a range has two ends
        raise ConditionError(path, "not two numbers", "such as [18, 65]; for times: after, before")
    low, high = (_number(end, (*path, index)) for index, end in enumerate(value))
    if low > high:
        raise ConditionError(path, "the range is empty", "write the smaller number first")
    return "number", (low, high)


def _text(value: object, path: Path) -> tuple[Kind, tuple[Scalar, ...]]:
    if not isinstance(value, str) or not value:
        raise ConditionError(path, f"not a text: {value!r}")
    return "text", (str(value),)


def _flag(value: object, path: Path) -> tuple[Kind, tuple[Scalar, ...]]:
    if not isinstance(value, bool):
        raise ConditionError(path, f"not true or false: {value!r}")
    return "flag", (value,)


def _instant(value: object, path: Path) -> tuple[Kind, tuple[Scalar, ...]]:
    found = instant(value)
    if found is None:
        raise ConditionError(
            path, f"not a time: {value!r}", "write 2026-01-31 or 2026-01-31T12:00:00Z"
        )
    return "instant", (found,)


def _span(value: object, path: Path) -> tuple[Kind, tuple[Scalar, ...]]:
    return "span", (read_span(value, path),)


_Reader = Callable[[object, Path], tuple[Kind, tuple[Scalar, ...]]]
_READERS: dict[str, _Reader] = {
    **dict.fromkeys(("is", "is_not", "contains"), _one),
    **dict.fromkeys(("in", "not_in"), _several),
    **dict.fromkeys(("gt", "gte", "lt", "lte"), _limit),
    **dict.fromkeys(("starts_with", "ends_with"), _text),
    **dict.fromkeys(("before", "after"), _instant),
    **dict.fromkeys(("in_last", "older_than"), _span),
    "between": _range,
    "exists": _flag,
}
