"""Faults on purpose: each by probability, or for the next n calls."""

from random import Random

import msgspec

ERROR_BEFORE = "error_before"
CLOSE_BEFORE = "close_before"
THROTTLE = "throttle"
ERROR_AFTER = "error_after"
CLOSE_AFTER = "close_after"
HANG_AFTER = "hang_after"

NAMES = (ERROR_BEFORE, CLOSE_BEFORE, THROTTLE, ERROR_AFTER, CLOSE_AFTER, HANG_AFTER)
"""`…_before`: not accepted. `…_after`: accepted and in the record, but the answer is wrong."""


class FaultPlan(msgspec.Struct, forbid_unknown_fields=True):
    """`rates`: fault -> probability a call. `next`: fault -> how many of the next calls, first."""

    seed: int | None = None
    rates: dict[str, float] = {}
    next: dict[str, int] = {}

    def check(self) -> None:
        """ValueError names the wrong entry."""
        for name in (*self.rates, *self.next):
            if name not in NAMES:
                raise ValueError(f"fault {name!r} is unknown; one of {', '.join(NAMES)}")
        if any(rate < 0 for rate in self.rates.values()) or sum(self.rates.values()) > 1:
            raise ValueError("rates: each 0 to 1, and together at most 1")
        if any(count < 0 for count in self.next.values()):
            raise ValueError("next: counts cannot be negative")


class Faults:
    """Draws the fault of each call; `happened` counts them."""

    def __init__(self, plan: FaultPlan) -> None:
        self.happened: dict[str, int] = {}
        self._random = Random(0)
        self.set(plan)

    def set(self, plan: FaultPlan) -> None:
        """Replace the plan; without a seed the draw goes on where it was."""
        plan.check()
        self.plan = plan
        self._next = dict(plan.next)
        if plan.seed is not None:
            self._random = Random(plan.seed)

    def draw(self) -> str | None:
        fault = self._draw()
        if fault:
            self.happened[fault] = self.happened.get(fault, 0) + 1
        return fault

    def _draw(self) -> str | None:
        for name, count in self._next.items():
            if count > 0:
                self._next[name] = count - 1
                return name
        if not self.plan.rates:
            return None
        drawn = self._random.random()
        for name, rate in self.plan.rates.items():
            if drawn < rate:
                return name
            drawn -= rate
        return None
