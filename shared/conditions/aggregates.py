"""The little that is remembered of the past, folded event by event in any order."""

from bisect import insort
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from .history import MAX_KEPT
from .matching import properties_test, reader
from .tree import Aggregate
from .values import EXACT, amount, micros


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a contact: an event of the shop or a stage of an e-mail.

    `name` is the event's name, or sent, delivered, opened, clicked. `human` is the verdict on an
    open or a click. `at` is aware.
    """

    kind: Literal["event", "email"]
    name: str
    at: datetime
    properties: dict[str, Any] = {}
    journey: str | None = None
    step: str | None = None
    template: str | None = None
    human: bool = True


class AggregateState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an aggregate remembers; times are microseconds since 1970, in ascending order.

    `times` are the newest or the oldest, as many as the aggregate asks; `sum` is of all amounts
    and `amounts` are the newest `MAX_KEPT` with their times, where the aggregate asks for them.
    JSON and back is loss-free, with Decimals as text or as numbers.
    """

    count: int
    first_at: int
    last_at: int
    times: tuple[int, ...] = ()
    sum: Decimal | None = None
    amounts: tuple[tuple[int, Decimal], ...] = ()


_States = dict[str, AggregateState]


def states(data: Mapping[str, Any]) -> dict[str, AggregateState]:
    """Plain data, as a profile carries it, as states by their aggregates' keys."""
    return msgspec.convert(data, _States)


def fold(state: AggregateState | None, spec: Aggregate, event: Occurrence) -> AggregateState | None:
    """The state after one more occurrence, late ones too; `state` itself if it is not concerned.

    Order does not matter. The same occurrence twice counts twice: repeats are the caller's.
    """
    if event.kind != spec.kind or event.name not in spec.names or not _concerns(spec, event):
        return state
    at = micros(event.at)
    found = None
    if spec.amount_of is not None:
        found = amount(reader(spec.amount_of, spec.currency)(event.properties))
        if found is None:
            return state
    single = AggregateState(
        count=1,
        first_at=at,
        last_at=at,
        times=(at,) if spec.newest or spec.oldest else (),
        sum=found,
        amounts=((at, found),) if spec.amounts_listed and found is not None else (),
    )
    return single if state is None else _together(state, single, spec)


def merge(
    a: AggregateState | None, b: AggregateState | None, spec: Aggregate
) -> AggregateState | None:
    """The state of two contacts who became one: as if all had happened to one from the start."""
    if a is None or b is None:
        return b if a is None else a
    return _together(a, b, spec)


def _concerns(spec: Aggregate, event: Occurrence) -> bool:
    if spec.kind == "event":
        return not spec.where.checks or properties_test(spec.where)(event.properties)
    return (
        (event.human or not spec.people)
        and spec.journey in (None, event.journey)
        and spec.step in (None, event.step)
        and spec.template in (None, event.template)
    )


def _together(a: AggregateState, b: AggregateState, spec: Aggregate) -> AggregateState:
    times: list[int] = list(a.times)
    for at in b.times:
        insort(times, at)
    if spec.newest:
        times = times[-spec.newest :]
    elif spec.oldest:
        times = times[: spec.oldest]
    amounts = sorted(a.amounts + b.amounts)[-MAX_KEPT:] if spec.amounts_listed else ()
    return AggregateState(
        count=a.count + b.count,
        first_at=min(a.first_at, b.first_at),
        last_at=max(a.last_at, b.last_at),
        times=tuple(times),
        sum=None if a.sum is None or b.sum is None else EXACT.add(a.sum, b.sum),
        amounts=tuple(amounts),
    )
