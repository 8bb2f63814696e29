"""The conditions inside a journey's file: so that segmenter remembers what journeys will ask.

Services never import each other, so this walks the plain data and knows only where a journey asks
about the contact. What it does not understand is not a condition.
"""

from collections.abc import Iterator
from typing import Any

from .errors import ConditionError
from .parsing import parse
from .tree import Condition

ASKS = frozenset({"who", "branch", "if", "wait_until"})


def find(body: Any) -> list[Condition]:
    """Every condition of the body that is asked of a contact's profile, from top to bottom."""
    return list(_walk(body))


def _walk(data: Any) -> Iterator[Condition]:
    if isinstance(data, list):
        for item in data:
            yield from _walk(item)
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        if key in ASKS and not (key == "wait_until" and _is_about_what_comes(value)):
            try:
                yield parse(value, where=key)
            except ConditionError:
                pass
            else:
                continue
        yield from _walk(value)


def _is_about_what_comes(asked: Any) -> bool:
    """A wait for an event, or for this run's own mail, asks for nothing that was before."""
    return isinstance(asked, dict) and ("event" in asked or {"email", "step"} <= asked.keys())
