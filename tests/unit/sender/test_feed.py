"""How fresh the feed of notifications is."""

from hypothesis import given
from hypothesis import strategies as st

from services.sender.adapters.feed import Marks

looks = st.lists(
    st.tuples(st.floats(0.1, 2), st.integers(0, 5), st.integers(0, 6)), min_size=1, max_size=60
)


@given(looks)
def test_what_was_accepted_before_the_mark_is_known(many: list[tuple[float, int, int]]) -> None:
    """Against a list of when each event was accepted."""
    marks, now, accepted, position = Marks(), 0.0, list[float](), 0
    for pause, arriving, read in many:
        now += pause
        accepted += [now - pause / 2] * arriving
        at, end = now, len(accepted)
        position = min(len(accepted), position + read)
        marks.look(at, {0: end}, {0: position})
        mark = marks.caught_up.get(0)
        if mark is not None:
            assert all(when > mark for when in accepted[position:])
        if position == end:
            assert mark == at


def test_a_partition_that_nobody_has_read_is_not_fresh() -> None:
    marks = Marks()
    marks.look(1.0, {0: 0, 1: 3}, {0: 0, 1: 2})
    assert marks.caught_up == {0: 1.0}
    marks.look(2.0, {0: 0, 1: 9}, {0: 0, 1: 3})
    assert marks.caught_up == {0: 2.0, 1: 1.0}
