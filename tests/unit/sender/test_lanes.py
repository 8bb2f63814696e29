"""Every lane has its turn, however few are served at a time and whatever comes and goes."""

from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.lanes import Lane, in_turn

names = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=9, unique=True)


def lanes_of(given_names: list[str]) -> list[Lane]:
    return [Lane(transactional=False, workspace="default", journey=name) for name in given_names]


@given(names, st.integers(1, 12))
def test_no_lane_is_served_again_before_all_the_others_were(
    given_names: list[str], limit: int
) -> None:
    lanes, last, served = lanes_of(given_names), None, list[Lane]()
    while len(served) < 3 * len(lanes):
        chosen = in_turn(lanes, last, limit)
        last = chosen[-1]
        served += chosen
    for start in range(2 * len(lanes)):
        window = served[start : start + len(lanes)]
        assert sorted(window) == sorted(lanes)


@given(names, st.integers(1, 4), st.data())
def test_a_lane_that_stays_has_its_turn_though_others_come_and_go(
    given_names: list[str], limit: int, data: st.DataObject
) -> None:
    lanes = lanes_of(given_names)
    patient, last = data.draw(st.sampled_from(lanes)), None
    for _ in lanes:  # at the latest when each of the others had its own
        there = {patient, *data.draw(st.lists(st.sampled_from(lanes)))}
        chosen = in_turn(there, last, limit)
        if patient in chosen:
            return
        last = chosen[-1]
    raise AssertionError("it never had its turn")
