"""What every form of a condition is checked for: its keys, its names, its number of parts."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .errors import ConditionError, Path, unknown
from .tree import AllOf, Condition

MAX_NAME = 256


def only(data: Mapping[str, Any], path: Path, known: Collection[str]) -> None:
    """Refuse keys that are not known here."""
    for key in data:
        if key not in known:
            raise unknown((*path, str(key)), "key", key, known)


def named(value: object, path: Path) -> str:
    """A name: a text that is not empty."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        raise ConditionError(path, f"not a name: {value!r}", "quote it if it is a number")
    return str(value)


def joined(parts: Sequence[Condition]) -> Condition:
    """One condition from the operators of one leaf, all of which must hold."""
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))
