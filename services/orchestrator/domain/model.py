"""A journey, compiled: a trigger, rules, and steps as a program whose jumps are step ids.

The tree of the file becomes a flat table: each node names what comes next, so a run is at one
node, and a deployed change of a branch moves nobody by position.
"""

from datetime import time, timedelta
from functools import cached_property
from typing import Any, Literal

import msgspec

from shared.conditions import Condition, Where, segments

END = ""
"""In place of a node's id: the journey is finished."""


class EventRule(msgspec.Struct, frozen=True, kw_only=True):
    """An event that ends a run, reaches the goal or ends a wait.

    `by_key`: only if it is about the run's key. `if_missing`: the answer for an event that shares
    no key field with the run.
    """

    event: str
    where: Where = Where()
    by_key: bool = False
    if_missing: bool = False


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """`rule` within `within` of the entry; `value` names the property that is the money."""

    rule: EventRule
    within: timedelta
    value: str = ""


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """Who may enter. `quiet_for` is how long none of `events` may follow; `key` in order."""

    kind: Literal["event", "quiet", "segment"]
    events: tuple[str, ...] = ()
    quiet_for: timedelta = timedelta(0)
    segment: str = ""
    change: Literal["entered", "left"] = "entered"
    key: tuple[str, ...] = ()
    where: Where = Where()
    who: Condition | None = None
    max_age: timedelta = timedelta(days=1)


class Reentry(msgspec.Struct, frozen=True):
    """`each_key`: the period is counted for each key by itself."""

    kind: Literal["once", "every_time", "after_period", "per_key"]
    period: timedelta = timedelta(0)
    each_key: bool = False

    @property
    def by_key(self) -> bool:
        """Runs of other keys keep nobody out."""
        return self.each_key or self.kind == "per_key"


Hours = tuple[time, time]
"""From, to; of the next day if `to` is the earlier."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`quiet_hours` in the contact's time, or in `timezone` if it is not `contact`; for the
    steps that do not say their own.
    """

    expires_after: timedelta = timedelta(days=1)
    quiet_hours: Hours | None = None
    timezone: str = "contact"
    priority: str = "normal"
    on_cap: str = "defer"


class EmailAsk(msgspec.Struct, frozen=True):
    """Did a person open or click this run's own mail of `step`?"""

    engagement: Literal["opened", "clicked"]
    step: str


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is the node's, `step` is the id in the file: an arm's inline send has its split's."""

    id: str
    step: str
    after: str


class SendStep(Node, frozen=True, kw_only=True):
    template: str
    quiet_hours: Hours | None
    variant: str = ""


class DelayStep(Node, frozen=True, kw_only=True):
    span: timedelta


class WaitStep(Node, frozen=True, kw_only=True):
    on: EmailAsk | EventRule | Condition
    timeout: timedelta
    then: str
    on_timeout: str


class BranchStep(Node, frozen=True, kw_only=True):
    asks: EmailAsk | Condition
    then: str
    otherwise: str


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    variant: str
    weight: int
    target: str = END
    holdout: bool = False


class SplitStep(Node, frozen=True, kw_only=True):
    arms: tuple[Arm, ...]


class ExitStep(Node, frozen=True, kw_only=True):
    reason: str


class StepInfo(msgspec.Struct, frozen=True):
    """A step as it stands in the file, from top to bottom; `depth` of nesting from 0."""

    id: str
    kind: str
    depth: int


class Journey(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One version of a journey; immutable. `body` is what it was read from, as plain data."""

    id: str
    version: int
    topic: str
    trigger: Trigger
    reentry: Reentry
    policy: Policy
    first: str
    nodes: dict[str, Node]
    steps: tuple[StepInfo, ...]
    transactional: bool = False
    exit_when: tuple[EventRule, ...] = ()
    goal: Goal | None = None
    description: str = ""
    body: dict[str, Any] = {}

    def conditions(self) -> tuple[Condition, ...]:
        """Every condition that is asked of the contact's profile."""
        asked = [self.trigger.who]
        for node in self.nodes.values():
            if isinstance(node, WaitStep):
                asked.append(node.on if isinstance(node.on, Condition) else None)
            elif isinstance(node, BranchStep):
                asked.append(node.asks if isinstance(node.asks, Condition) else None)
        return tuple(condition for condition in asked if condition is not None)

    def segments(self) -> frozenset[str]:
        """The segments it starts from or asks about."""
        asked = frozenset().union(*(segments(condition) for condition in self.conditions()))
        return asked | ({self.trigger.segment} if self.trigger.segment else frozenset())

    @cached_property
    def event_waits(self) -> tuple[tuple[str, EventRule], ...]:
        """The node and the rule of every wait for an event."""
        return tuple(
            (node.id, node.on)
            for node in self.nodes.values()
            if isinstance(node, WaitStep) and isinstance(node.on, EventRule)
        )
