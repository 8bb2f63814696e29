"""SES's queue is called empty only when nothing that came before is left in it."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.silence import Look, Quiet, empty_until, looked

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SILENCE = timedelta(seconds=60)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Waiting(NamedTuple):
    """A message that is in the queue from `came`, seen by counts from `seen`, until `gone`."""

    came: int
    seen: int
    gone: int


messages = st.builds(
    lambda came, unseen, stays: Waiting(came, came + unseen, came + stays),
    st.integers(0, 300),
    st.integers(0, 59),
    st.integers(1, 400),
)


@given(st.lists(messages, max_size=5), st.lists(st.integers(1, 30), max_size=80), st.booleans())
def test_nothing_that_came_before_a_mark_is_left_then(
    queue: list[Waiting], steps: list[int], polls: bool
) -> None:
    quiet, now = Quiet(), 0
    for step in steps:
        now += step
        there = sum(m.seen <= now < m.gone for m in queue)
        look = Look(at(now), there, at(now - 1) if polls else None)
        quiet = looked(quiet, look)
        until = empty_until(quiet, look, SILENCE)
        if until is not None:
            assert polls
            assert not [m for m in queue if at(m.came) <= until and m.gone > now]


def marks(looks: list[Look]) -> list[datetime | None]:
    quiet, found = Quiet(), []
    for look in looks:
        quiet = looked(quiet, look)
        found.append(empty_until(quiet, look, SILENCE))
    return found


def test_a_minute_of_silence_is_marked_from_its_beginning_on() -> None:
    looks = [Look(at(s), 0, at(s)) for s in range(0, 71, 5)]
    assert [m for m in marks(looks) if m] == [at(0), at(5), at(10)]


def test_one_message_begins_the_minute_anew() -> None:
    looks = [Look(at(s), int(s == 50), at(s)) for s in range(0, 121, 5)]
    assert [m for m in marks(looks) if m] == [at(55), at(60)]


def test_without_an_empty_long_poll_in_that_time_nothing_is_said() -> None:
    assert not any(marks([Look(at(s), 0, at(-1)) for s in range(0, 200, 5)]))


def test_who_was_stopped_meanwhile_has_seen_nothing() -> None:
    looks = [Look(at(s), 0, at(s)) for s in (0, 15, 30, 90, 100)]
    assert not any(marks(looks))
