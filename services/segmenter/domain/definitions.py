"""What the published segments and journeys of one workspace ask, ready for use."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from shared.conditions import (
    Aggregate,
    AggregateState,
    Condition,
    ConditionError,
    Evaluator,
    Occurrence,
    compiled,
    fold,
    needs,
    parse,
    segments,
)
from shared.conditions.journeys import find
from shared.conditions.tree import AnyOf
from shared.contracts import Definition

NOBODY = AnyOf(())


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. `revision` is its own or that of a segment it asks about, the newer."""

    id: str
    answer: Evaluator
    revision: int


@dataclass(frozen=True, slots=True)
class Definitions:
    """`segments` in an order in which those asked about come first.

    `kept` and `digest` are digests: of the aggregates to keep, and of all that can change a
    contact. Revisions are their owners' counters (shared.definitions). `broken` are ids of
    segments that this version cannot read: their members stay as they are.
    """

    segments: tuple[Segment, ...] = ()
    aggregates: dict[str, Aggregate] = None  # type: ignore[assignment]
    by_name: dict[tuple[str, str], tuple[Aggregate, ...]] = None  # type: ignore[assignment]
    kept: str = ""
    digest: str = ""
    segments_revision: int = 0
    journeys_revision: int = 0
    broken: tuple[str, ...] = ()

    def learned(
        self, known: dict[str, AggregateState], what: Occurrence | None
    ) -> dict[str, AggregateState]:
        """The aggregates after one more occurrence."""
        asked = self.by_name.get((what.kind, what.name)) if what else None
        if what is None or not asked:
            return known
        changed = {}
        for spec in asked:
            state = fold(known.get(spec.key), spec, what)
            if state is not None:
                changed[spec.key] = state
        return {**known, **changed} if changed else known

    def names(self) -> list[str]:
        """The names of all that is remembered, as the history has them."""
        return sorted({n.capitalize() if kind == "email" else n for kind, n in self.by_name})


def of(published: Iterable[Definition]) -> Definitions:
    """From one workspace's segments, the newest of each, and journeys, in all their versions."""
    conditions: dict[str, Condition] = {}
    revisions: dict[str, int] = {}
    asked: set[Aggregate] = set()
    broken: list[str] = []
    journeys_revision = 0
    for definition in published:
        if definition.kind == "journey":
            journeys_revision = max(journeys_revision, definition.revision)
            for condition in find(definition.body):
                asked |= needs(condition)
        elif definition.kind == "segment":
            try:
                conditions[definition.id] = _condition(definition)
            except ConditionError:
                broken.append(definition.id)
            else:
                revisions[definition.id] = definition.revision
    asked |= {a for condition in conditions.values() for a in needs(condition)}
    ordered = _ordered(conditions, revisions)
    kept = _digest(sorted(a.key for a in asked))
    return Definitions(
        segments=ordered,
        aggregates={a.key: a for a in asked},
        by_name=_by_name(asked),
        kept=kept,
        digest=_digest([kept, *(f"{s.id}@{s.revision}" for s in ordered)]),
        segments_revision=max(revisions.values(), default=0),
        journeys_revision=journeys_revision,
        broken=tuple(broken),
    )


def read(body: dict[str, Any]) -> Condition:
    """The condition of a segment's body; raises ConditionError with its path."""
    return parse(body.get("who"), where="who")


def _condition(definition: Definition) -> Condition:
    """An archived segment has no members any more. Raises ConditionError."""
    return NOBODY if definition.status == "archived" else read(definition.body)


def _ordered(conditions: dict[str, Condition], revisions: dict[str, int]) -> tuple[Segment, ...]:
    """Depth first; a circle is cut where it closes (the API refuses circles)."""
    done: dict[str, Segment] = {}
    under_way: set[str] = set()

    def visit(name: str) -> int:
        if name in done or name in under_way or name not in conditions:
            return done[name].revision if name in done else 0
        under_way.add(name)
        below = [visit(other) for other in sorted(segments(conditions[name]))]
        revision = max(revisions[name], *below) if below else revisions[name]
        done[name] = Segment(name, compiled(conditions[name]), revision)
        return revision

    for name in sorted(conditions):
        visit(name)
    return tuple(done.values())


def _by_name(asked: Iterable[Aggregate]) -> dict[tuple[str, str], tuple[Aggregate, ...]]:
    found: dict[tuple[str, str], list[Aggregate]] = {}
    for spec in sorted(asked, key=lambda a: a.key):
        for name in spec.names:
            found.setdefault((spec.kind, name), []).append(spec)
    return {name: tuple(specs) for name, specs in found.items()}


def _digest(parts: Iterable[str]) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=8).hexdigest()


NOTHING = of(())
