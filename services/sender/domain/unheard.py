"""When is it certain that an ambiguous mail was not sent? Pure. All times are wall time.

SES tells of each mail that it takes. Ingest marks in every partition how far SES's queue was read
to its end; what lies before a mark was applied when the mark was. Certain is only what all of this
says: every partition is marked, by the one who may do so now, behind the end of the grace; and of
the calls around it nearly all were told of, so that the feed was not blind just then.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from services.sender.domain.message import Row, Status

AROUND = timedelta(minutes=10)
LEAST = 10
"""Calls around it: fewer prove nothing about the feed."""
NEARLY_ALL = 0.95


class Mark(NamedTuple):
    """All that SES's queue held before `until` was applied. `fence`: of who said so."""

    fence: int
    until: datetime


class Neighbours(NamedTuple):
    """Calls of the same workspace within AROUND that SES took, and how many it has told of."""

    calls: int
    told: int


def newer(known: Mark | None, given: Mark) -> Mark:
    """The word of who holds the lease counts, from its first mark on; of its marks the latest."""
    if known is None or given.fence > known.fence:
        return given
    return max(known, given) if given.fence == known.fence else known


def read_until(marks: Mapping[int, Mark], partitions: int) -> datetime | None:
    """Up to when all is known. None: a partition has no mark of the present holder."""
    if any(partition not in marks for partition in range(partitions)):
        return None
    present = [marks[partition] for partition in range(partitions)]
    if len({mark.fence for mark in present}) != 1:
        return None
    return min(mark.until for mark in present)


def certainly_unsent(
    row: Row, until: datetime | None, grace: timedelta, neighbours: Neighbours
) -> bool:
    """`until` is `read_until`'s answer."""
    if row.status != Status.AMBIGUOUS or row.told or row.started_at is None or until is None:
        return False
    if row.started_at + grace > until:
        return False
    return neighbours.calls >= LEAST and neighbours.told >= NEARLY_ALL * neighbours.calls
