"""What always holds, whatever comes in whatever order."""

from collections import Counter
from itertools import combinations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orchestrator.domain import (
    ContactState,
    Due,
    Journeys,
    empty,
    explain,
    transition,
    unpack,
    wakes_at,
)
from services.orchestrator.domain.state import (
    MAX_CANDIDATES,
    MAX_ENTRIES,
    MAX_EXITS,
    MAX_RINGS,
    MAX_RUNS,
    MAX_WAITING,
    Decision,
    Run,
)
from shared.contracts import (
    ContactsMerged,
    JourneyEvent,
    RunsHandedOver,
    Send,
    Withdraw,
    encode,
    plain,
)
from shared.contracts.codec import decode_plain
from tests.unit.orchestrator.inputs import (
    RUNNING,
    WORLDS,
    Given,
    Told,
    histories,
    live,
    quiet_histories,
)

often = settings(max_examples=60, deadline=None)


@often
@given(histories)
def test_every_state_takes_every_input_and_survives_json(history: list[Given]) -> None:
    for told in live(history):
        assert unpack(plain(told.after)) == told.after
        again = encode(unpack(decode_plain(encode(told.after))))
        assert again == encode(told.after)


@often
@given(histories)
def test_one_mail_a_step_and_none_after_the_end(history: list[Given]) -> None:
    over: set[str] = set()
    steps: Counter[tuple[str, str]] = Counter()
    messages: Counter[str] = Counter()
    for effect in _effects(live(history)):
        if isinstance(effect, Send):
            assert effect.run not in over
            assert not effect.windows or effect.windows[0][0] <= effect.due_at, "in quiet hours"
            steps[effect.run, effect.step] += 1
            messages[effect.message] += 1
        if isinstance(effect, JourneyEvent) and effect.kind == "exited":
            assert effect.run not in over, "a run ends once"
            over.add(effect.run)
    assert set(steps.values()) <= {1}
    assert set(messages.values()) <= {1}


@often
@given(histories)
def test_who_is_inside_entered_and_who_left_is_not_inside(history: list[Given]) -> None:
    told = live(history)
    inside: set[str] = set()
    for step in told:
        for effect in step.effects:
            if isinstance(effect, JourneyEvent) and effect.kind == "entered":
                assert effect.run not in inside
                inside.add(effect.run)
            if isinstance(effect, JourneyEvent) and effect.kind == "exited":
                inside.remove(effect.run)
            if isinstance(effect, RunsHandedOver):
                inside.clear()
        assert inside == {run.id for run in step.after.runs if run.live}


@often
@given(histories)
def test_one_live_run_a_key(history: list[Given]) -> None:
    for told in live(history):
        _one_live_run_a_key(told.after)


def _one_live_run_a_key(state: ContactState) -> None:
    runs = [run for run in state.runs if run.live]
    for ours, theirs in combinations(runs, 2):
        if ours.journey == theirs.journey and ours.version == theirs.version:
            assert set(ours.keys).isdisjoint(theirs.keys)
            assert ours.journey not in ("welcome", "win-back")


@often
@given(histories)
def test_after_the_timers_nothing_is_due_any_more(history: list[Given]) -> None:
    for told in live(history):
        after, effects = transition(told.after, Due(horizon=told.now), RUNNING, told.now)
        assert all(at is None or at > told.now for at in wakes_at(after))
        again, more = transition(after, Due(horizon=told.now), RUNNING, told.now)
        assert (again, more) == (after, [])
        put_by = told.after.unjudged or told.after.waiting  # that is judged now, and forgotten
        if not effects and not put_by:
            assert wakes_at(after) == wakes_at(told.after)


@often
@given(histories)
def test_timers_by_class_do_together_what_they_do_at_once(history: list[Given]) -> None:
    for told in live(history)[-3:]:
        halves: ContactState = told.after
        for transactional in (True, False):
            due = Due(horizon=told.now, transactional=transactional)
            halves, _ = transition(halves, due, RUNNING, told.now)
        whole, _ = transition(told.after, Due(horizon=told.now), RUNNING, told.now)
        assert {r.id: r for r in halves.runs} == {r.id: r for r in whole.runs}


@often
@given(histories)
def test_imports_start_wake_and_send_nothing(history: list[Given]) -> None:
    imported = [msgspec.structs.replace(given, origin="import") for given in history]
    told = live([given for given in imported if given.kind not in ("segment", "merged")])
    assert _effects(told) == []
    assert all(not step.after.runs and not step.after.candidates for step in told)


@often
@given(histories)
def test_the_same_history_is_the_same_bytes(history: list[Given]) -> None:
    assert encode(_effects(live(history))) == encode(_effects(live(history)))
    assert encode([t.after for t in live(history)]) == encode([t.after for t in live(history)])


@often
@given(histories)
def test_what_is_remembered_stays_small(history: list[Given]) -> None:
    for told in live(history * 4):
        state = told.after
        assert len(state.runs) <= MAX_RUNS
        assert len(state.candidates) <= MAX_CANDIDATES
        assert len(state.rings) <= MAX_RINGS
        assert len(state.exits) <= MAX_EXITS
        assert len(state.entries) <= MAX_ENTRIES
        assert len(state.waiting) <= MAX_WAITING
        needed = bool(state.candidates or state.waiting) or any(run.live for run in state.runs)
        assert needed or state.profile is None


@often
@given(histories)
def test_only_what_was_asked_for_and_not_answered_is_withdrawn(history: list[Given]) -> None:
    asked: set[str] = set()
    for effect in _effects(live(history)):
        if isinstance(effect, Send):
            asked.add(effect.message)
        if isinstance(effect, Withdraw):
            assert effect.message in asked
            asked.remove(effect.message)


@often
@given(histories)
def test_every_entry_refusal_and_end_is_explained(history: list[Given]) -> None:
    for told in live(history):
        events = Counter(
            (effect.journey, effect.run, effect.kind)
            for effect in told.effects
            if isinstance(effect, JourneyEvent) and effect.kind in ("entered", "refused", "exited")
        )
        decisions = [effect for effect in told.effects if isinstance(effect, Decision)]
        noted = Counter(
            (decision.journey, decision.run, decision.what)
            for decision in decisions
            if decision.what in ("entered", "refused", "exited") and decision.reason != "where"
        )
        assert events == noted
        assert len(explain(decisions)) == len(decisions)
        assert all(decision.input for decision in decisions)


@often
@given(quiet_histories, quiet_histories, quiet_histories)
def test_two_losers_may_come_in_any_order(
    first: list[Given], second: list[Given], winner: list[Given]
) -> None:
    """The same stories go on, and the same memories are kept."""
    parts = [
        live(first, "c_a", door="a"),
        live(second, "c_b", door="b"),
        live(winner, "c_w", door="w"),
    ]
    now = max([told[-1].now for told in parts if told], default=None)
    if now is None:
        return
    losers = [part[-1].after for part in parts[:2] if part]
    start = parts[2][-1].after if parts[2] else empty("default", "c_w")
    one, other = start, start
    for loser in losers:
        one = _taken_in(one, loser, now)
    for loser in reversed(losers):
        other = _taken_in(other, loser, now)
    _one_live_run_a_key(one)
    assert _stories(one) == _stories(other)


def _taken_in(winner: ContactState, loser: ContactState, now: object) -> ContactState:
    merged = ContactsMerged(workspace="default", loser=loser.contact, winner="c_w", at=now)  # type: ignore[arg-type]
    _, effects = transition(loser, merged, RUNNING, merged.at)
    for effect in effects:
        assert isinstance(effect, RunsHandedOver)
        winner, _ = transition(winner, effect, RUNNING, merged.at)
    return winner


def _stories(state: ContactState) -> object:
    def run(run: Run) -> object:
        return run.id, run.node, frozenset(run.keys), run.taken, run.live

    return (
        {run(r) for r in state.runs if r.live},
        {(c.journey, frozenset(c.keys), c.due_at, c.first_at) for c in state.candidates},
        state.rings,
        {(m.journey, m.run) for m in state.entries},
        set(state.exits),
    )


@often
@given(histories, st.integers(0, len(WORLDS) - 1))
def test_a_hand_over_loses_no_live_run_but_those_that_were_merged(
    history: list[Given], world: int
) -> None:
    told = live(history)
    if not told or told[-1].after.merged_into:
        return
    state, now = told[-1].after, told[-1].now
    merged = ContactsMerged(workspace="default", loser="c_1", winner="c_w", at=now)
    left, effects = transition(state, merged, WORLDS[world], now)
    assert left == ContactState(workspace="default", contact="c_1", merged_into="c_w")
    for effect in effects:
        assert isinstance(effect, RunsHandedOver)
        after, more = transition(empty("default", "c_w"), effect, Journeys(), now)
        assert {r.id for r in after.runs if r.live} == {r.id for r in state.runs if r.live}
        assert more == []


def _effects(told: list[Told]) -> list[object]:
    return [effect for step in told for effect in step.effects]
