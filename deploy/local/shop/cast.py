"""Who plays which story, and when: the whole plan of a demo, made from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random

from deploy.local.shop import history, stories
from deploy.local.shop.calls import Call
from deploy.local.shop.people import Person, person
from deploy.local.shop.stories import Story

FULL = 3000  # people with a history, for whom the numbers below are meant

# Story, people at FULL, when it begins at the latest (share of the live days).
_KNOWN: tuple[tuple[Story, int, float], ...] = (
    (stories.leaves_cart, 150, 0.24),  # early enough to reach the last step
    (stories.leaves_cart, 60, 0.9),
    (stories.leaves_cart_then_logs_in, 40, 0.24),
    (stories.leaves_small_cart, 20, 0.8),
    (stories.buys, 160, 0.95),
    (stories.browses, 320, 0.98),
    (stories.posts_nonsense, 10, 0.9),
)
_NEW: tuple[tuple[Story, int, float], ...] = (
    (stories.joins, 110, 0.3),
    (stories.joins, 50, 0.9),
    (stories.joins_without_consent, 30, 0.6),
    (stories.leaves_cart_unknown, 30, 0.6),
)
_SILENT, _SILENT_LATEST = 110, 0.36
_RETURNING, _RETURNING_LATEST = 40, 0.9


@dataclass(frozen=True, slots=True)
class Plan:
    """`history`: one list of calls a person. `live`: calls by time, as far as nobody is mailed."""

    begin: datetime
    end: datetime
    history: list[list[Call]] = field(default_factory=list)
    live: list[Call] = field(default_factory=list)

    @property
    def imported(self) -> int:
        return sum(len(calls) for calls in self.history)


def plan(*, seed: int, people: int, begin: datetime, days: float) -> Plan:
    """`people` have a history that ends at `begin`; the shop then lives on for `days`."""
    made = Plan(begin, begin + timedelta(days=days))
    numbers = count()
    _silent(made, seed, people, numbers)
    for story, many, latest in _KNOWN:
        for who in _players(seed, numbers, many * people / FULL, euro=True):
            made.history.append(history.consenting(seed, who, begin))
            _play(made, seed, story, who, latest)
    while len(made.history) < people:
        made.history.append(history.ordinary(seed, person(seed, next(numbers)), begin))
    for story, many, latest in _NEW:
        for who in _players(seed, numbers, many * people / FULL, euro=False):
            _play(made, seed, story, who, latest)
    made.live.sort(key=lambda call: (call.at, call.message_id))
    return made


def _silent(made: Plan, seed: int, people: int, numbers: Iterator[int]) -> None:
    """Good customers: some whose ninety days of silence end soon, some who come back."""
    span = made.end - made.begin
    for who in _players(seed, numbers, _SILENT * people / FULL, euro=True):
        ends = made.begin + span * Random(f"silence {who.user_id}").uniform(0.02, _SILENT_LATEST)
        made.history.append(history.loyal(seed, who, made.begin, ends - history.SILENCE))
        made.live.extend(_until(made.end, stories.falls_silent(_dice(seed, who), who, ends)))
    for who in _players(seed, numbers, _RETURNING * people / FULL, euro=False):
        days = Random(f"silence {who.user_id}").uniform(92, 115)
        last = made.begin - timedelta(days=days)
        made.history.append(history.loyal(seed, who, made.begin, last))
        _play(made, seed, stories.returns, who, _RETURNING_LATEST)


def _players(seed: int, numbers: Iterator[int], many: float, *, euro: bool) -> Iterator[Person]:
    for _ in range(max(round(many), 1)):
        yield person(seed, next(numbers), euro=euro)


def _play(made: Plan, seed: int, story: Story, who: Person, latest: float) -> None:
    dice = _dice(seed, who)
    at = stories.awake(made.begin + (made.end - made.begin) * dice.uniform(0.005, latest), who)
    made.live.extend(_until(made.end, story(dice, who, at)))


def _dice(seed: int, who: Person) -> Random:
    return Random(f"story {seed} {who.number}")


def _until(end: datetime, calls: Iterator[Call]) -> Iterator[Call]:
    """Nothing in the last hour, in which what was posted is still to be counted."""
    return (call for call in calls if call.at < end - timedelta(hours=1))
