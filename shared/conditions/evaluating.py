"""Conditions compiled to closures: (facts, now in microseconds) -> (holds, changes at).

An occurrence at t is in the last W while now < t + W, and older than W from t + W on. So every
answer is constant from one edge to the next, and the edge itself has the new answer.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, singledispatch
from hashlib import blake2b
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from .aggregates import AggregateState
from .matching import number_test, reader, value_test
from .parsing import BUCKETS
from .tree import (
    AllOf,
    AnyOf,
    Condition,
    Consent,
    Edge,
    Happened,
    InList,
    InSegment,
    Not,
    Random,
    Summed,
    Trait,
)
from .values import EXACT, instant, micros, moment


class Facts(msgspec.Struct, kw_only=True):
    """What is known of a contact. `traits` given and computed; `consent` topic to state;
    `segments` and `lists` names; `aggregates` by their keys; `contact` its id, for `random`.
    """

    contact: str
    traits: dict[str, Any] = {}
    consent: dict[str, str] = {}
    segments: Collection[str] = frozenset()
    lists: Collection[str] = frozenset()
    aggregates: dict[str, AggregateState] = {}


class Answer(NamedTuple):
    """Whether it holds, and the next instant at which that may change without an event."""

    holds: bool
    changes_at: datetime | None


Evaluator = Callable[[Facts, datetime], Answer]
_Raw = tuple[bool, int | None]
_Node = Callable[[Facts, int], _Raw]


def evaluate(condition: Condition, facts: Facts, now: datetime) -> Answer:
    """Answer the condition at `now` (aware). Until `changes_at`, which is later, it stays so."""
    return compiled(condition)(facts, now)


@lru_cache(maxsize=4096)
def compiled(condition: Condition) -> Evaluator:
    """The condition as one function; keep it where many contacts are evaluated."""
    node = _compile(condition)

    def answer(facts: Facts, now: datetime) -> Answer:
        holds, changes = node(facts, micros(now))
        return Answer(holds, None if changes is None else moment(changes))

    return answer


@singledispatch
def _compile(condition: Condition) -> _Node:
    raise TypeError(f"not a condition: {condition!r}")


@_compile.register
def _(condition: AllOf) -> _Node:
    return _join(condition.parts, decided_by=False)


@_compile.register
def _(condition: AnyOf) -> _Node:
    return _join(condition.parts, decided_by=True)


def _join(parts: tuple[Condition, ...], *, decided_by: bool) -> _Node:
    """One part with the answer `decided_by` settles it: False for all, True for any.

    A settled join can change only when every part that settles it has changed, hence the latest
    of those; an unsettled one as soon as any part changes, hence the earliest.
    """
    nodes = [_compile(part) for part in parts]

    def join(facts: Facts, now: int) -> _Raw:
        settled = False
        latest = 0
        earliest: int | None = None
        for node in nodes:
            holds, changes = node(facts, now)
            if holds is decided_by:
                if changes is None:
                    return decided_by, None
                latest = changes if not settled else max(latest, changes)
                settled = True
            elif changes is not None and (earliest is None or changes < earliest):
                earliest = changes
        return (decided_by, latest) if settled else (not decided_by, earliest)

    return join


@_compile.register
def _(condition: Not) -> _Node:
    node = _compile(condition.part)

    def negate(facts: Facts, now: int) -> _Raw:
        holds, changes = node(facts, now)
        return not holds, changes

    return negate


@_compile.register
def _(condition: Trait) -> _Node:
    check = condition.check
    read = reader(condition.name, check.currency)
    if check.kind == "span":
        age = _age(condition)

        def dated(facts: Facts, now: int) -> _Raw:
            return age(instant(read(facts.traits)), now)

        return dated
    test = value_test(check)
    return lambda facts, _: (test(read(facts.traits)), None)


def _age(condition: Trait | Edge) -> Callable[[int | None, int], _Raw]:
    """`in_last` and `older_than` of one instant, which may be missing."""
    span = int(condition.check.operands[0])
    recent = condition.check.op == "in_last"

    def age(at: int | None, now: int) -> _Raw:
        if at is None:
            return False, None
        edge = at + span
        return (recent, edge) if now < edge else (not recent, None)

    return age


@_compile.register
def _(condition: Edge) -> _Node:
    key = condition.aggregate.key
    first = condition.which == "first"
    check = condition.check
    age = _age(condition) if check.kind == "span" else None
    limit = int(check.operands[0])
    before = check.op == "before"

    def edge(facts: Facts, now: int) -> _Raw:
        state = facts.aggregates.get(key)
        if state is None:
            return False, None
        at = state.first_at if first else state.last_at
        if age is not None:
            return age(at, now)
        return (at < limit if before else at > limit), None

    return edge


@_compile.register
def _(condition: Happened) -> _Node:
    key, span, test = condition.aggregate.key, condition.span, number_test(condition.check)

    def ever(facts: Facts, _now: int) -> _Raw:
        state = facts.aggregates.get(key)
        return test(0 if state is None else state.count), None

    def in_last(facts: Facts, now: int) -> _Raw:
        state = facts.aggregates.get(key)
        times = () if state is None else state.times
        inside = len(times) - bisect_right(times, now - span)
        holds = test(inside)
        for fewer in range(inside - 1, -1, -1):
            if test(fewer) is not holds:
                return holds, times[-1 - fewer] + span
        return holds, None

    def older_than(facts: Facts, now: int) -> _Raw:
        state = facts.aggregates.get(key)
        times = () if state is None else state.times
        outside = bisect_right(times, now - span)
        holds = test(outside)
        for index in range(outside, len(times)):
            if test(index + 1) is not holds:
                return holds, times[index] + span
        return holds, None

    return {"ever": ever, "in_last": in_last, "older_than": older_than}[condition.window]


@_compile.register
def _(condition: Summed) -> _Node:
    key, span, test = condition.aggregate.key, condition.span, number_test(condition.check)

    def summed(facts: Facts, now: int) -> _Raw:
        state = facts.aggregates.get(key)
        if state is None or span is None:
            return test(0 if state is None or state.sum is None else state.sum), None
        start = bisect_right(state.amounts, now - span, key=itemgetter(0))
        inside = state.amounts[start:]
        total = Decimal(0)
        for _, value in inside:
            total = EXACT.add(total, value)
        holds = test(total)
        for at, value in inside:
            total = EXACT.subtract(total, value)
            if test(total) is not holds:
                return holds, at + span
        return holds, None

    return summed


@_compile.register
def _(condition: InSegment) -> _Node:
    name = condition.name
    return lambda facts, _: (name in facts.segments, None)


@_compile.register
def _(condition: InList) -> _Node:
    name = condition.name
    return lambda facts, _: (name in facts.lists, None)


@_compile.register
def _(condition: Consent) -> _Node:
    topic, test = condition.topic, value_test(condition.check)
    return lambda facts, _: (test(facts.consent.get(topic, "never_subscribed")), None)


@_compile.register
def _(condition: Random) -> _Node:
    def random(facts: Facts, _now: int) -> _Raw:
        return condition.low <= bucket(facts.contact, condition.salt) <= condition.high, None

    return random


def bucket(contact: str, salt: str = "") -> int:
    """The contact's stable bucket, 0 to 99; another salt shuffles anew."""
    digest = blake2b(f"{salt}\0{contact}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % BUCKETS
