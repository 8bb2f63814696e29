"""The incremental answer is the one of a look through the whole history, at every instant."""

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.conditions import (
    Aggregate,
    AggregateState,
    Condition,
    Facts,
    Occurrence,
    evaluate,
    fold,
    merge,
    needs,
    parse,
)
from tests.unit.conditions import worlds as some
from tests.unit.conditions.oracle import Past, World, holds, span

MICRO = timedelta(microseconds=1)
many = settings(max_examples=40, deadline=None)
every_kind = pytest.mark.parametrize("kind", some.CONDITIONS)
every_past = pytest.mark.parametrize("kind", some.PAST)


def occurrence(past: Past) -> Occurrence:
    return Occurrence(
        kind="event" if past.kind == "event" else "email",
        name=past.name,
        at=past.at,
        properties=past.properties,
        **past.about,
    )


def folded(spec: Aggregate, history: list[Past]) -> AggregateState | None:
    state = None
    for past in history:
        state = fold(state, spec, occurrence(past))
    return state


def facts(condition: Condition, world: World) -> Facts:
    kept = {spec.key: folded(spec, world.history) for spec in needs(condition)}
    return Facts(
        contact="c1",
        traits=world.traits,
        consent=world.consent,
        segments=world.segments,
        lists=world.lists,
        aggregates={key: state for key, state in kept.items() if state is not None},
    )


def edges(world: World) -> list[datetime]:
    """Every instant at which any answer can change: something's time plus some span."""
    times = [past.at for past in world.history]
    times += [value for value in world.traits.values() if isinstance(value, datetime)]
    return sorted({at + span(text) for at in times for text in some.SPANS})


@every_kind
@many
@given(data=st.data(), now=some.moments | some.instants)
def test_the_answer_is_that_of_the_whole_history(
    kind: str, data: st.DataObject, now: datetime
) -> None:
    asked, world = data.draw(some.CONDITIONS[kind]), data.draw(some.worlds(kind))
    condition = parse(asked)
    assert evaluate(condition, facts(condition, world), now).holds == holds(asked, world, now)


@every_kind
@many
@given(data=st.data(), now=some.instants)
def test_nothing_changes_before_changes_at_and_every_change_is_at_one(
    kind: str, data: st.DataObject, now: datetime
) -> None:
    asked, world = data.draw(some.CONDITIONS[kind]), data.draw(some.worlds(kind))
    condition = parse(asked)
    known = facts(condition, world)
    instants = edges(world)
    while True:
        answer = evaluate(condition, known, now)
        until = answer.changes_at
        for edge in instants:
            for instant in (edge - MICRO, edge, edge + MICRO):
                if now <= instant and (until is None or instant < until):
                    assert holds(asked, world, instant) == answer.holds
        if until is None:
            return
        assert until > now
        assert holds(asked, world, until - MICRO) == answer.holds
        assert evaluate(condition, known, until).holds == holds(asked, world, until)
        now = until


@every_past
@many
@given(data=st.data())
def test_the_order_in_which_events_come_does_not_matter(kind: str, data: st.DataObject) -> None:
    history = data.draw(some.histories(kind))
    shuffled = data.draw(st.permutations(history))
    for spec in needs(parse(data.draw(some.CONDITIONS[kind]))):
        assert folded(spec, history) == folded(spec, shuffled)


@every_past
@many
@given(data=st.data())
def test_merging_two_contacts_is_folding_the_history_of_both(
    kind: str, data: st.DataObject
) -> None:
    one, other = data.draw(some.histories(kind)), data.draw(some.histories(kind))
    for spec in needs(parse(data.draw(some.CONDITIONS[kind]))):
        a, b = folded(spec, one), folded(spec, other)
        assert merge(a, b, spec) == merge(b, a, spec) == folded(spec, one + other)
        assert merge(a, None, spec) == merge(None, a, spec) == a


@every_past
@many
@given(data=st.data())
def test_a_state_survives_json(kind: str, data: st.DataObject) -> None:
    history = data.draw(some.histories(kind))
    for spec in needs(parse(data.draw(some.CONDITIONS[kind]))):
        state = folded(spec, history)
        kept = msgspec.json.decode(msgspec.json.encode(state), type=AggregateState | None)
        assert kept == state
