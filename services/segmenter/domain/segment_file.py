"""A segment's file: `segment`, `description` and `who`, checked with its place and a hint."""

from collections.abc import Mapping
from typing import Any

import msgspec

from shared.conditions import Condition, ConditionError, parse, segments
from shared.conditions.errors import unknown
from shared.conditions.shape import named, only

KEYS = frozenset({"segment", "description", "who"})


class SegmentFile(msgspec.Struct, frozen=True):
    """One segment as written, and its condition."""

    id: str
    body: dict[str, Any]
    who: Condition


def parse_segment(data: object, known: Mapping[str, Condition]) -> SegmentFile:
    """`known` are the workspace's other segments. Raises ConditionError."""
    if not isinstance(data, dict):
        raise ConditionError((), "not a segment", "write segment: name and who: {…}")
    only(data, (), KEYS)
    if "segment" not in data:
        raise ConditionError((), "no name", "write segment: loyal")
    name = named(data["segment"], ("segment",))
    if not isinstance(data.get("description", ""), str):
        raise ConditionError(("description",), "not a text", "quote it")
    if "who" not in data:
        raise ConditionError((), "no who", "such as who: {trait: country, is: SE}")
    who = parse(data["who"])
    _refuse_unknown_and_circles(name, who, known)
    return SegmentFile(name, data, who)


def _refuse_unknown_and_circles(name: str, who: Condition, known: Mapping[str, Condition]) -> None:
    """A segment asks about segments that are there, and never, over others, about itself."""
    waiting, passed = sorted(segments(who)), set()
    for asked in waiting:
        if asked not in known and asked != name:
            raise unknown(("who",), "segment", asked, known)
    while waiting:
        asked = waiting.pop()
        if asked == name:
            raise ConditionError(("who",), "the segment asks about itself", "cut the circle")
        if asked not in passed and asked in known:
            passed.add(asked)
            waiting += sorted(segments(known[asked]))
