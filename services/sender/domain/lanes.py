"""Which lanes are served next: in turn, though lanes come and go between two looks."""

from collections.abc import Iterable
from typing import NamedTuple


class Lane(NamedTuple):
    """One journey of one workspace."""

    transactional: bool
    workspace: str
    journey: str


def in_turn(lanes: Iterable[Lane], last: Lane | None, limit: int) -> list[Lane]:
    """Up to `limit` lanes, beginning behind the last one that was served.

    By its name, not by a count: what lies between is never jumped over when others end.
    """
    ordered = sorted(lanes)
    if last is not None:
        ordered.sort(key=lambda lane: lane <= last)  # stable: those behind it come first
    return ordered[:limit]
