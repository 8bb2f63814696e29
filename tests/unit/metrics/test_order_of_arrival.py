"""Facts in any order, in any batches, told any number of times: the same numbers."""

import json
import random
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.metrics.domain.wanted import Input
from shared.contracts import ContactsMerged, JourneyEvent, encode
from tests.unit.metrics.facts import mail, merge, order, shop, told
from tests.unit.metrics.recount import Numbers, recount
from tests.unit.metrics.store import Store

PEOPLE = {"x": ["a", "b", "c"], "y": ["d"]}  # a, b and c turn out to be one
MERGES = [merge("a", "b", 30), merge("b", "c", 40)]
hours = st.integers(0, 200)
runs = st.sampled_from([("r1", "x"), ("r2", "x"), ("r3", "y")])
deliveries = st.sampled_from(
    [
        *("Sent", "Delivered", "Opened", "Clicked", "Clicked", "Clicked", "Bounced", "Complained"),
        *("Unsubscribed", "Skipped", "Failed", "Rejected", "Delayed"),
        *("Subscribed", "PreferencesChanged"),
    ]
)


@st.composite
def mails(draw: st.DrawFn) -> Input:
    run, person = draw(runs)
    kind = draw(deliveries)
    by = draw(st.sampled_from(["human", "machine"])) if kind in ("Opened", "Clicked") else None
    more: dict[str, Any] = {}
    if kind == "Bounced":
        more["bounce"] = draw(st.sampled_from(["hard", "soft", "undetermined"]))
    if kind == "Skipped":
        more["reason"] = draw(st.sampled_from(["suppressed", "expired"]))
    step = draw(st.sampled_from(["reminder", "offer"]))
    contact = draw(st.sampled_from(PEOPLE[person]))
    return mail(contact, run, kind, draw(hours), step=step, by=by, **more)


@st.composite
def purchases(draw: st.DrawFn) -> Input:
    person = draw(st.sampled_from(sorted(PEOPLE)))
    contact = draw(st.sampled_from(PEOPLE[person]))
    name, at = draw(st.sampled_from(["o1", "o2"])), draw(hours)
    match draw(st.integers(0, 5)):
        case 0:
            return shop(contact, "Order Cancelled", at, order_id=name)
        case 1:
            amount = draw(st.sampled_from([{}, {"revenue": "9.99", "currency": "EUR"}]))
            return shop(contact, "Order Refunded", at, order_id=name, **amount)
        case _:
            # what is told twice of one messageId is the same
            return order(contact, name, at, revenue=str(10 + at % 7))


@st.composite
def decisions(draw: st.DrawFn) -> Input:
    run, person = draw(runs)
    contact, at = draw(st.sampled_from(PEOPLE[person])), draw(hours)
    kind = draw(st.sampled_from(["entered", "refused", "step_done", "skipped", "exited", "goal"]))
    step = {"step": draw(st.sampled_from(["reminder", "offer"]))}
    reason = {"reason": draw(st.sampled_from(["finished", "no_consent", "merged"]))}
    match kind:
        case "refused":
            return told(contact, "", kind, at, **reason)
        case "skipped" | "exited":
            return told(contact, run, kind, at, **step, **reason)
        case "step_done":
            return told(contact, run, kind, at, **step)
        case _:
            return told(contact, run, kind, at)


facts = st.lists(st.one_of(mails(), purchases(), decisions()), max_size=40)


def plain(inputs: Sequence[Input]) -> Numbers:
    journey = [json.loads(encode(i)) for i in inputs if isinstance(i, JourneyEvent)]
    contact = [json.loads(encode(i)) for i in inputs if not isinstance(i, JourneyEvent)]
    return recount(contact, journey)


def told_in(chance: random.Random, inputs: Sequence[Input]) -> Store:
    """Shuffled, some of it twice, in batches of any size."""
    again = [i for i in inputs if chance.random() < 0.3]
    listed = [*inputs, *again]
    chance.shuffle(listed)
    store = Store()
    while listed:
        size = chance.choice([1, 1, 2, 5, 20])
        gained, lost = dict(store.gained), dict(store.lost)
        store.batch(listed[:size])
        assert all(store.gained[k] >= v for k, v in gained.items()), "counters never fall"
        assert all(store.lost[k] >= v for k, v in lost.items()), "corrections neither"
        listed = listed[size:]
    return store


@settings(max_examples=120, deadline=None)
@given(facts, st.randoms(use_true_random=False))
def test_the_numbers_are_a_naive_recounts(inputs: list[Input], chance: random.Random) -> None:
    store = told_in(chance, [*inputs, *MERGES])
    found = {tuple(label[1:]): value for label, value in store.net().items()}
    assert found == plain([*inputs, *MERGES])


@settings(max_examples=60, deadline=None)
@given(facts, st.randoms(use_true_random=False))
def test_rows_and_hours_do_not_depend_on_the_order(
    inputs: list[Input], chance: random.Random
) -> None:
    one = told_in(chance, [*inputs, *MERGES])
    other = told_in(chance, [*inputs, *MERGES])
    assert one.rows == other.rows
    assert one.by_hours() == other.by_hours()


@settings(max_examples=60, deadline=None)
@given(facts, st.randoms(use_true_random=False))
def test_told_again_nothing_is_gained(inputs: list[Input], chance: random.Random) -> None:
    store = told_in(chance, [*inputs, *MERGES])
    for message in inputs:
        book = store.batch([message])
        assert not any(book.tally.hours.values())
        assert not book.tally.gained
        assert not book.tally.lost


@settings(max_examples=40, deadline=None)
@given(facts, st.randoms(use_true_random=False))
def test_hours_and_counters_agree(inputs: list[Input], chance: random.Random) -> None:
    store = told_in(chance, inputs)
    together: dict[Any, Any] = {}
    for hour, value in store.by_hours().items():
        together[hour.label] = together.get(hour.label, 0) + value
    assert {k: v for k, v in together.items() if v} == store.net()


clicks = st.builds(
    lambda run, at, by: mail("a", run, "Clicked", at, by=by),
    st.sampled_from(["r1", "r2", "r3"]),
    hours,
    st.sampled_from(["human", "human", "machine"]),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(clicks, purchases()), max_size=12), st.randoms(use_true_random=False))
def test_whoever_clicked_and_bought_the_last_click_wins(
    inputs: list[Input], chance: random.Random
) -> None:
    store = told_in(chance, [*inputs, *MERGES])
    found = {tuple(label[1:]): value for label, value in store.net().items()}
    assert found == plain([*inputs, *MERGES])


def test_a_merge_with_itself_and_in_a_circle_ends() -> None:
    circle: list[ContactsMerged] = [merge("a", "a"), merge("a", "b"), merge("b", "a")]
    store = Store()
    for message in circle:
        store.batch([message])
    assert sum(v for k, v in store.net().items() if k.name == "contacts") == 1
