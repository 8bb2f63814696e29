"""The incremental answer is the one of a look through the whole history, at every instant."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
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
many = settings(max_examples=150, deadline=None)


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


@many
@given(some.conditions, some.worlds, some.instants)
def test_the_answer_is_that_of_the_whole_history(
    asked: dict[str, Any], world: World, now: datetime
) -> None:
    condition = parse(asked)
    assert evaluate(condition, facts(condition, world), now).holds == holds(asked, world, now)


@many
@given(some.conditions, some.worlds, some.instants)
def test_nothing_changes_before_changes_at_and_every_change_is_at_one(
    asked: dict[str, Any], world: World, now: datetime
) -> None:
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


@many
@given(some.events | some.mails, some.histories, st.randoms(use_true_random=False))
def test_the_order_in_which_events_come_does_not_matter(
    asked: dict[str, Any], history: list[Past], random: Any
) -> None:
    shuffled = random.sample(history, len(history))
    for spec in needs(parse(asked)):
        assert folded(spec, history) == folded(spec, shuffled)


@many
@given(some.events | some.mails, some.histories, some.histories)
def test_merging_two_contacts_is_folding_the_history_of_both(
    asked: dict[str, Any], one: list[Past], other: list[Past]
) -> None:
    for spec in needs(parse(asked)):
        a, b = folded(spec, one), folded(spec, other)
        assert merge(a, b, spec) == merge(b, a, spec) == folded(spec, one + other)


@many
@given(some.events | some.mails, some.histories)
def test_a_state_survives_json(asked: dict[str, Any], history: list[Past]) -> None:
    for spec in needs(parse(asked)):
        state = folded(spec, history)
        kept = msgspec.json.decode(msgspec.json.encode(state), type=AggregateState | None)
        assert kept == state
