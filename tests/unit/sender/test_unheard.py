"""That a mail was not sent is concluded only where it is certain."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.sender.domain.message import Row, Status
from services.sender.domain.unheard import (
    LEAST,
    Mark,
    Neighbours,
    certainly_unsent,
    newer,
    read_until,
)
from tests.unit.sender.messages import MINUTE, NOON, rows, times

GRACE = 15 * MINUTE
ALL = Neighbours(LEAST, LEAST)
marks = st.builds(Mark, st.integers(1, 3), times)
many_marks = st.dictionaries(st.integers(0, 3), marks)
neighbours = st.integers(0, 40).flatmap(
    lambda calls: st.builds(Neighbours, st.just(calls), st.integers(0, calls))
)


@given(st.none() | marks, marks)
def test_the_word_of_who_lost_the_lease_counts_no_more(known: Mark | None, one: Mark) -> None:
    after = newer(known, one)
    assert after in (known, one)
    assert known is None or after.fence >= known.fence
    if known is not None and after.fence == known.fence:
        assert after.until >= known.until


@given(st.lists(marks), st.lists(marks))
def test_a_repeat_of_marks_changes_nothing(before: list[Mark], again: list[Mark]) -> None:
    known: Mark | None = None
    for one in (*before, *again):
        known = newer(known, one)
    settled = known
    for one in (*before, *again):
        known = newer(known, one)
    assert known == settled


@given(many_marks, st.integers(1, 4))
def test_all_is_known_only_up_to_the_oldest_mark_of_the_present_holder(
    known: Mapping[int, Mark], partitions: int
) -> None:
    until = read_until(known, partitions)
    if until is None:
        here = [known.get(partition) for partition in range(partitions)]
        assert None in here or len({mark.fence for mark in here if mark}) > 1
    else:
        assert all(until <= known[partition].until for partition in range(partitions))


@given(rows, st.none() | times, neighbours)
def test_nothing_is_concluded_without_all_that_it_takes(
    row: Row, until: object, near: Neighbours
) -> None:
    certain = certainly_unsent(row, until, GRACE, near)  # type: ignore[arg-type]
    if certain:
        assert row.status == Status.AMBIGUOUS
        assert not row.told
        assert near.calls >= LEAST
        assert near.told >= 0.95 * near.calls


class Call(NamedTuple):
    """Whose answer was lost: when, whether SES took it, how late SES's queue had its Send."""

    at: int  # minutes
    taken: bool
    late: float


calls = st.builds(Call, st.integers(0, 60), st.booleans(), st.floats(0, 14.9))


@given(calls, st.lists(st.integers(0, 120), min_size=1))
def test_what_ses_took_is_never_called_unsent_while_its_events_lag_less_than_the_grace(
    call: Call, marked: list[int]
) -> None:
    """A mark at T with `until` U: what the queue had before U was applied before it."""
    row = Row(workspace="default", message="m", contact="c", status=Status.AMBIGUOUS)
    row = replace(row, started_at=NOON + call.at * MINUTE)
    known: dict[int, Mark] = {}
    latest = NOON
    for minute in marked:
        here = NOON + minute * MINUTE
        latest = max(latest, here)
        if call.taken and row.started_at is not None:
            came = row.started_at + timedelta(minutes=call.late)
            if came <= here:
                row = replace(row, status=Status.SENT, told=True)
        known[0] = newer(known.get(0), Mark(1, here))
        certain = certainly_unsent(row, read_until(known, 1), GRACE, ALL)
        assert not (certain and call.taken)
        assert call.taken or certain == (NOON + call.at * MINUTE + GRACE <= latest)


def test_a_blind_feed_concludes_nothing() -> None:
    row = Row(workspace="default", message="m", contact="c", status=Status.AMBIGUOUS)
    row = replace(row, started_at=NOON)
    behind = NOON + GRACE
    assert certainly_unsent(row, behind, GRACE, ALL)
    assert not certainly_unsent(row, behind - MINUTE, GRACE, ALL)
    assert not certainly_unsent(row, behind, GRACE, Neighbours(LEAST - 1, LEAST - 1))
    assert not certainly_unsent(row, behind, GRACE, Neighbours(100, 94))
    assert certainly_unsent(row, behind, GRACE, Neighbours(100, 95))
