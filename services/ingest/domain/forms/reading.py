"""The words of a form's file: each read with its place, each fault with a hint."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from shared.conditions import ConditionError
from shared.conditions.errors import Path, unknown

MAX_TEXT = 1_000  # characters of a text: the event carries it whole, and a journey's run too
MAX_LINE = 200


def needed(data: Mapping[str, Any], key: str, example: str, path: Path = ()) -> object:
    if key not in data:
        raise ConditionError(path, f"'{key}' is missing", f"write {key}: {example}")
    return data[key]


def matching(pattern: re.Pattern[str], value: object, path: Path, what: str, hint: str) -> str:
    """`hint`: how it is written."""
    if not isinstance(value, str):
        raise ConditionError(path, f"not a text: {str(value)[:80]}", "quote it")
    if not pattern.fullmatch(value):
        raise ConditionError(path, f"not {what}: {value[:80]!r}", hint)
    return value


def text(value: object, path: Path, limit: int = MAX_TEXT) -> str:
    if not isinstance(value, str):
        raise ConditionError(path, f"not a text: {str(value)[:80]!r}", "quote it")
    if len(value) > limit:
        raise ConditionError(path, f"longer than {limit} characters")
    return str(value)


def line(value: object, path: Path) -> str:
    return text(value, path, MAX_LINE)


def flag(value: object, path: Path) -> bool:
    if not isinstance(value, bool):
        raise ConditionError(path, f"not true or false: {str(value)[:80]!r}")
    return value


def one_of(value: object, path: Path, what: str, known: Collection[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise unknown(path, what, value, known)
    return str(value)
