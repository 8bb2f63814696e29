"""When is SES's queue known to have been empty? Pure.

SQS counts approximately, and a message may be hidden from one look: only an unbroken row of looks
that see nothing anywhere, over `silence`, with an empty long poll among them, says that all that
came before it was taken.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

APART = timedelta(seconds=20)
"""Two looks further apart than that are no unbroken row: whoever looked was stopped."""


class Look(NamedTuple):
    """`there`: messages anywhere in the queue or its dead letters. `polled`: when the last long
    poll that found nothing began. Both times by one clock, wall.
    """

    at: datetime
    there: int
    polled: datetime | None = None


class Quiet(NamedTuple):
    """The row of looks that saw nothing: its first and its last."""

    since: datetime | None = None
    seen: datetime | None = None


def looked(quiet: Quiet, look: Look) -> Quiet:
    """The row after one more look."""
    if look.there:
        return Quiet()
    if quiet.since is None or quiet.seen is None or not quiet.seen <= look.at <= quiet.seen + APART:
        return Quiet(look.at, look.at)
    return Quiet(quiet.since, look.at)


def empty_until(quiet: Quiet, look: Look, silence: timedelta) -> datetime | None:
    """All that came into the queue before then has been taken; None: nothing can be said."""
    if quiet.since is None or look.polled is None:
        return None
    until = min(look.at - silence, look.polled)
    return until if quiet.since <= until else None
