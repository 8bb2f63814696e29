"""What a parsed condition is: an immutable, hashable tree of plain values."""

from collections.abc import Iterator
from decimal import Decimal
from hashlib import blake2b
from typing import Literal

import msgspec

Scalar = Decimal | str | bool | int


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operator and what it compares with.

    `kind` says how operands and values are read; it also tells `is: 1` from `is: true`, which
    Python thinks equal. Instants and spans are microseconds.
    """

    op: str
    kind: Literal["number", "text", "flag", "instant", "span"]
    operands: tuple[Scalar, ...]
    currency: str | None = None


class Where(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked of an event's properties: all of it must hold. Sorted by property."""

    checks: tuple[tuple[str, Check], ...] = ()


class Aggregate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must be remembered of past events or e-mails to answer one leaf.

    Two leaves that need the same memory have equal aggregates and the same `key`. A field added
    later must have a default that means "as before": defaults are left out of the key.
    """

    kind: Literal["event", "email"]
    names: tuple[str, ...]
    where: Where = Where()
    journey: str | None = None
    step: str | None = None
    template: str | None = None
    people: bool = False
    newest: int = 0
    oldest: int = 0
    amount_of: str | None = None
    currency: str | None = None
    amounts_listed: bool = False
    key: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "key", "")
        digest = blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()
        msgspec.structs.force_setattr(self, "key", digest)


class Condition(msgspec.Struct, frozen=True):
    """Any node of the tree. Equal conditions mean the same and hash the same."""


class Trait(Condition, frozen=True):
    name: str
    check: Check


class Happened(Condition, frozen=True):
    """How often: ever, in the last `span`, or longer than `span` ago (microseconds)."""

    aggregate: Aggregate
    window: Literal["ever", "in_last", "older_than"]
    span: int
    check: Check


class Summed(Condition, frozen=True):
    """The sum of a property: ever (`span` is None) or in the last `span` microseconds."""

    aggregate: Aggregate
    span: int | None
    check: Check


class Edge(Condition, frozen=True):
    """When it was for the first or the last time."""

    aggregate: Aggregate
    which: Literal["first", "last"]
    check: Check


class InSegment(Condition, frozen=True):
    name: str


class InList(Condition, frozen=True):
    name: str


class Consent(Condition, frozen=True):
    topic: str
    check: Check


class Random(Condition, frozen=True):
    """Whether the contact's bucket, one of 100, lies from `low` to `high`, both included."""

    salt: str
    low: int
    high: int


class AllOf(Condition, frozen=True):
    parts: tuple[Condition, ...]


class AnyOf(Condition, frozen=True):
    parts: tuple[Condition, ...]


class Not(Condition, frozen=True):
    part: Condition


def leaves(condition: Condition) -> Iterator[Condition]:
    """Every leaf of the tree, from left to right."""
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from leaves(part)
    elif isinstance(condition, Not):
        yield from leaves(condition.part)
    else:
        yield condition


def needs(condition: Condition) -> frozenset[Aggregate]:
    """The aggregates without which the condition cannot be answered."""
    return frozenset(
        leaf.aggregate for leaf in leaves(condition) if isinstance(leaf, Happened | Summed | Edge)
    )


def segments(condition: Condition) -> frozenset[str]:
    """The segments the condition asks about: they must exist and be evaluated before it."""
    return frozenset(leaf.name for leaf in leaves(condition) if isinstance(leaf, InSegment))
