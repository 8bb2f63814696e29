"""How fast mails go out."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.rate import (
    LONGEST_WAIT,
    SHARE,
    Bucket,
    back_off,
    block,
    slower,
    take,
    with_limit,
)
from tests.unit.sender.messages import NOON

FULL = Bucket(limit=100, factor=1, tokens=0, filled_at=NOON)
steps = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 500), st.booleans()), max_size=40)


@given(steps)
def test_never_more_than_nine_tenths_of_what_ses_allows(
    many: list[tuple[int, int, bool]],
) -> None:
    bucket, now, granted = FULL, NOON, 0
    for milliseconds, wanted, throttled in many:
        now += timedelta(milliseconds=milliseconds)
        bucket, got = take(bucket, wanted, now)
        assert 0 <= got <= wanted
        granted += got
        if throttled:
            bucket = slower(bucket, now)
    seconds = (now - NOON).total_seconds()
    assert granted <= FULL.limit * SHARE * seconds + 1e-6


def test_a_pause_is_not_caught_up_with_a_burst() -> None:
    _, got = take(FULL, 10_000, NOON + timedelta(hours=1))
    assert got == FULL.limit * SHARE


def test_throttled_it_is_slower_and_recovers() -> None:
    slowed = slower(FULL, NOON)
    assert slowed.per_second < FULL.per_second
    later, _ = take(slowed, 1, NOON + timedelta(minutes=1))
    assert later.per_second == FULL.per_second


def test_a_blocked_account_gives_nothing_until_it_may_send() -> None:
    now = NOON + timedelta(seconds=10)
    blocked = block(FULL, NOON + timedelta(minutes=2), "SendingPausedException")
    assert take(blocked, 5, now)[1] == 0
    assert take(with_limit(blocked, 50), 5, now)[1] == 5


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waiting_grows_and_has_an_end(attempt: int, jitter: float) -> None:
    wait = back_off(attempt, jitter).total_seconds()
    assert 0.25 <= wait <= LONGEST_WAIT
    assert back_off(attempt + 1, 0) >= back_off(attempt, 0)
