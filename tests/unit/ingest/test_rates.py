"""A key's rate: whole requests, at most so many, and never longer to wait than said."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.rates import BURST_SECONDS, Rates

requests = st.lists(st.tuples(st.integers(1, 300), st.floats(0, 5)), max_size=30)


@given(st.integers(1, 100), requests)
def test_no_more_is_taken_than_the_rate_a_burst_and_one_request(
    rate: int, sent: list[tuple[int, float]]
) -> None:
    rates, now, taken = Rates(), 0.0, 0
    largest = max((events for events, _ in sent), default=0)
    for events, after in sent:
        now += after
        if not rates.wait("k", rate, events, now):
            taken += events
    assert taken <= rate * (now + BURST_SECONDS) + largest + 1e-6


@given(st.integers(1, 100), requests)
def test_who_waits_as_long_as_was_said_is_taken_and_a_refusal_takes_nothing(
    rate: int, sent: list[tuple[int, float]]
) -> None:
    rates, now = Rates(), 0.0
    for events, after in sent:
        now += after
        wait = rates.wait("k", rate, events, now)
        assert wait <= (300 + BURST_SECONDS * rate) / rate
        if wait:
            now += wait + 1e-6
            assert not rates.wait("k", rate, events, now)


def test_whoever_stays_below_the_rate_is_never_refused() -> None:
    rates = Rates()
    assert not any(rates.wait("k", 10, 10, float(second)) for second in range(100))


def test_keys_do_not_share_a_rate() -> None:
    rates = Rates()
    assert not rates.wait("a", 1, 2, 0.0)
    assert rates.wait("a", 1, 1, 0.0) == 1.0
    assert not rates.wait("b", 1, 2, 0.0)


def test_a_key_without_a_rate_has_the_default() -> None:
    assert [Rates(7).limit(own) for own in (None, 3)] == [7, 3]
    assert Rates().limit(None) == 0
