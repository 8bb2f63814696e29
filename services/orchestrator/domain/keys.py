"""Keys: which cart, which checkout. A value is `field=value`, so equal numbers do not meet.

Values that were seen together in one event are one key from then on, for 30 days: a ring.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.orchestrator.domain.model import EventRule
from services.orchestrator.domain.state import MAX_RING_VALUES, MAX_RINGS, Ring

RING_AGE = timedelta(days=30)
MAX_VALUE = 200

Fields = tuple[str, ...]
Keys = tuple[str, ...]


def values_of(properties: Mapping[str, Any], fields: Fields) -> Keys:
    """The event's values of the key fields, in the journey's order of preference."""
    found = []
    for field in fields:
        value = properties.get(field)
        text = "" if isinstance(value, bool) or not isinstance(value, str | int) else str(value)
        if 0 < len(text) <= MAX_VALUE:
            found.append(f"{field}={text}")
    return tuple(found)


def note(
    rings: Iterable[Ring], fields: Fields, values: Keys, at: datetime, now: datetime
) -> tuple[Ring, ...]:
    """The rings after an event with these values; a single value makes none."""
    kept = [ring for ring in rings if ring.until > now]
    until = min(at, now) + RING_AGE
    if len(values) > 1 and until > now:
        kept = _joined(kept, Ring(of=fields, values=tuple(sorted(values)), until=until))
    return bounded(kept)


def united(ours: Iterable[Ring], theirs: Iterable[Ring]) -> tuple[Ring, ...]:
    """The rings of two contacts who became one."""
    rings = list(ours)
    for ring in theirs:
        rings = _joined(rings, ring)
    return bounded(rings)


def _joined(rings: list[Ring], new: Ring) -> list[Ring]:
    """`new` and all that share a value with it, as one ring."""
    others = []
    values, until = set(new.values), new.until
    for ring in rings:
        if ring.of == new.of and not values.isdisjoint(ring.values):
            values.update(ring.values)
            until = max(until, ring.until)
        else:
            others.append(ring)
    kept = tuple(sorted(values)[:MAX_RING_VALUES])
    return [*others, Ring(of=new.of, values=kept, until=until)]


def bounded(rings: Iterable[Ring]) -> tuple[Ring, ...]:
    """The newest rings, in a fixed order."""
    return tuple(sorted(rings, key=lambda r: (r.until, r.of, r.values))[-MAX_RINGS:])


def widened(rings: Iterable[Ring], fields: Fields, values: Keys) -> Keys:
    """The values with all that are one key with them; the given ones first, then sorted."""
    known = set(values)
    for ring in rings:
        if ring.of == fields and not known.isdisjoint(ring.values):
            known.update(ring.values)
    return (*values, *sorted(known.difference(values)))


def ordered(ours: Keys, theirs: Keys) -> Keys:
    """Both, the leading one first and the rest in a fixed order."""
    every = (*ours, *theirs)
    return (*every[:1], *sorted(set(every) - set(every[:1])))


def together(ours: Keys, theirs: Keys) -> bool:
    """Whether both are about the same key."""
    return not set(ours).isdisjoint(theirs)


def one_story(ours: Keys, theirs: Keys) -> bool:
    """As `together`; all that have no key at all are one story too."""
    return together(ours, theirs) or (not ours and not theirs)


def about(rule: EventRule, ours: Keys, theirs: Keys) -> bool:
    """Whether an event with the key values `theirs` is about a run with `ours`."""
    if not rule.by_key:
        return True
    if not _fields(ours) & _fields(theirs):
        return rule.if_missing
    return together(ours, theirs)


def _fields(values: Keys) -> set[str]:
    return {value.partition("=")[0] for value in values}
