"""Clients' messageIds are known for 7 days: which day's slot keeps one, which slots are asked.

A ring of 10 slots, one for a UTC day of `received_at` (business time). The oldest is emptied when
a new day is seen, so forgetting costs nothing. The unique index of a slot decides between two
batches of the same day; between batches of different days the slots' locks do (`locks`).

Days are numbers: days since 1970. An event whose slot has been emptied since (nine days behind
the newest) is kept with the oldest day there is.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Literal, NamedTuple

SLOTS = 10
WINDOW_DAYS = 7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Lock = Literal["ACCESS EXCLUSIVE", "SHARE ROW EXCLUSIVE", "ROW EXCLUSIVE", "SHARE"]


class Arrival(NamedTuple):
    """A messageId's hash (16 bytes, over workspace and messageId) and its day."""

    id: bytes
    day: int


def hashed(workspace: str, message_id: str) -> bytes:
    return blake2b(f"{workspace}\x1f{message_id}".encode(), digest_size=16).digest()


def day_of(moment: datetime) -> int:
    return (moment - _EPOCH).days


def slot_of(day: int) -> int:
    return day % SLOTS


def kept_day(day: int, newest: int) -> int:
    """The day under which it is kept: within the ring, whatever clock made it."""
    return max(newest - SLOTS + 1, min(day, newest))


def emptied(before: int, newest: int) -> set[int]:
    """The slots that must be emptied when `newest` is seen after `before`."""
    return {slot_of(day) for day in range(max(before + 1, newest - SLOTS + 1), newest + 1)}


def asked(day: int, newest: int) -> set[int]:
    """The other days' slots that may hold a repeat: 7 days to either side, while in the ring."""
    first, last = max(day - WINDOW_DAYS, newest - SLOTS + 1), min(day + WINDOW_DAYS, newest)
    return {slot_of(other) for other in range(first, last + 1)} - {slot_of(day)}


def locks(days: Iterable[int], newest: int, emptied_slots: set[int]) -> dict[int, Lock]:
    """Slot -> table lock, in the order in which to take them.

    Batches of one day hold ROW EXCLUSIVE on its slot and SHARE on those they ask: they do not
    disturb each other, and they exclude batches of another day, which want the two reversed.
    A batch of several days excludes all others that touch them.
    """
    own = set(days)
    mine: Lock = "ROW EXCLUSIVE" if len(own) == 1 else "SHARE ROW EXCLUSIVE"
    wanted: dict[int, Lock] = {}
    for day in own:
        wanted.update(dict.fromkeys(asked(day, newest), "SHARE"))
    wanted.update(dict.fromkeys(map(slot_of, own), mine))
    wanted.update(dict.fromkeys(emptied_slots, "ACCESS EXCLUSIVE"))
    return dict(sorted(wanted.items()))


def first_of_each(arrivals: Iterable[Arrival]) -> list[bool]:
    """For each, in order: is it new as far as its own batch can tell?"""
    last: dict[bytes, int] = {}
    new = []
    for arrival in arrivals:
        known = last.get(arrival.id)
        new.append(known is None or abs(arrival.day - known) > WINDOW_DAYS)
        if new[-1]:
            last[arrival.id] = arrival.day
    return new
