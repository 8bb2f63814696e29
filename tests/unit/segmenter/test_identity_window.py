"""The window of messageIds: which slots are asked, and who excludes whom."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from services.segmenter.domain.message_window import (
    SLOTS,
    WINDOW_DAYS,
    Arrival,
    asked,
    emptied,
    first_of_each,
    hashed,
    kept_day,
    locks,
    slot_of,
)

NEWEST = 20_000
IN_RING = st.integers(NEWEST - SLOTS + 1, NEWEST)
CONFLICTS = {  # PostgreSQL's table of conflicting lock modes, the part that is used
    ("ROW EXCLUSIVE", "SHARE"),
    ("ROW EXCLUSIVE", "SHARE ROW EXCLUSIVE"),
    ("SHARE", "SHARE ROW EXCLUSIVE"),
    ("SHARE ROW EXCLUSIVE", "SHARE ROW EXCLUSIVE"),
}


def _exclude(one: set[int], two: set[int]) -> bool:
    mine, theirs = locks(one, NEWEST, set()), locks(two, NEWEST, set())
    return any(
        slot_a == slot_b and ((a, b) in CONFLICTS or (b, a) in CONFLICTS)
        for (slot_a, a), (slot_b, b) in product(mine.items(), theirs.items())
    )


@given(IN_RING, IN_RING)
def test_a_day_asks_every_other_day_within_seven(one: int, two: int) -> None:
    near = 0 < abs(one - two) <= WINDOW_DAYS
    assert (slot_of(two) in asked(one, NEWEST)) == near


@given(IN_RING)
def test_batches_of_one_day_do_not_disturb_each_other(day: int) -> None:
    assert not _exclude({day}, {day})


@given(st.sets(IN_RING, min_size=1, max_size=3), st.sets(IN_RING, min_size=1, max_size=3))
def test_batches_that_could_miss_each_others_repeats_exclude_each_other(
    one: set[int], two: set[int]
) -> None:
    if any(0 < abs(a - b) <= WINDOW_DAYS for a, b in product(one, two)):
        assert _exclude(one, two)


@given(IN_RING, st.integers(0, 40))
def test_a_new_day_empties_its_own_slot_and_those_of_the_days_skipped(day: int, on: int) -> None:
    new = {slot_of(d) for d in range(NEWEST + 1, NEWEST + on + 1)}
    assert emptied(NEWEST, NEWEST + on) == new
    if on and day > NEWEST + on - SLOTS:
        assert slot_of(day) not in emptied(NEWEST, NEWEST + on)


@given(st.integers(-(10**6), 10**6))
def test_any_clock_gives_a_day_within_the_ring(day: int) -> None:
    assert NEWEST - SLOTS < kept_day(day, NEWEST) <= NEWEST


def test_repeats_in_one_batch_are_known_and_shops_apart() -> None:
    one, other = hashed("shop", "m"), hashed("other", "m")
    batch = [
        Arrival(one, 5),
        Arrival(one, 5),
        Arrival(other, 5),
        Arrival(one, 12),
        Arrival(one, 13),
    ]
    assert first_of_each(batch) == [True, False, True, False, True]
