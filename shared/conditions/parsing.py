"""Plain data from YAML or JSON into a condition; every fault with its place and a hint."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .errors import ConditionError, Path, unknown
from .history import read_email, read_event
from .operators import ON_CONSENT, ON_PROPERTY, ON_TRAIT, read_checks
from .shape import joined, named, only
from .tree import AllOf, AnyOf, Condition, Consent, InList, InSegment, Not, Random, Trait, Where

CONSENT_STATES = frozenset({"never_subscribed", "pending", "subscribed", "unsubscribed"})
BUCKETS = 100
MAX_DEPTH = 30
MAX_VALUES = 5_000


def parse(data: object, *, where: str | Sequence[str | int] = "who") -> Condition:
    """Read a condition; `where` is its own place in the document. Raises ConditionError."""
    path = _place(where)
    _check_size(data, path)
    return _condition(data, path)


def parse_where(data: object, *, where: str | Sequence[str | int] = "where") -> Where:
    """Read what is asked of an event's properties: `{total: {gte: 50, currency: EUR}}`."""
    path = _place(where)
    _check_size(data, path)
    return _where(data, path)


def _place(where: str | Sequence[str | int]) -> Path:
    return (where,) if isinstance(where, str) else tuple(where)


def _check_size(data: object, path: Path) -> None:
    """Refuse what is too deep or too large, YAML's aliases to itself among it."""
    level, seen = [data], 0
    for _ in range(MAX_DEPTH):
        seen += len(level)
        if seen > MAX_VALUES:
            raise ConditionError(path, f"more than {MAX_VALUES} values", "split it into segments")
        below: list[object] = []
        for item in level:
            below += item.values() if isinstance(item, dict) else ()
            below += item if isinstance(item, list) else ()
        level = below
    if level:
        raise ConditionError(path, f"nested more than {MAX_DEPTH} deep", "split it into segments")


def _condition(data: object, path: Path) -> Condition:
    if not isinstance(data, dict):
        hint = "for several write all: [...] or any: [...]" if isinstance(data, list) else None
        raise ConditionError(path, "not a condition", hint or "such as {trait: country, is: SE}")
    heads = [key for key in data if key in _FORMS]
    if len(heads) > 1:
        both = " and ".join(heads[:2])
        raise ConditionError(path, f"{both} in one condition", "join them with all: or any:")
    if not heads:
        if not data:
            raise ConditionError(path, "an empty condition", "such as {trait: country, is: SE}")
        first = next(iter(data))
        raise unknown((*path, str(first)), "condition", first, _FORMS)
    return _FORMS[heads[0]](data, path)


def _parts(data: Mapping[str, Any], path: Path, join: str) -> tuple[Condition, ...]:
    only(data, path, {join})
    parts = data[join]
    here = (*path, join)
    if not isinstance(parts, list) or not parts:
        raise ConditionError(here, "not a list of conditions", "write - before each")
    return tuple(_condition(part, (*here, index)) for index, part in enumerate(parts))


def _all(data: Mapping[str, Any], path: Path) -> Condition:
    return AllOf(_parts(data, path, "all"))


def _any(data: Mapping[str, Any], path: Path) -> Condition:
    return AnyOf(_parts(data, path, "any"))


def _not(data: Mapping[str, Any], path: Path) -> Condition:
    only(data, path, {"not"})
    return Not(_condition(data["not"], (*path, "not")))


def _trait(data: Mapping[str, Any], path: Path) -> Condition:
    name = named(data["trait"], (*path, "trait"))
    asked = {key: value for key, value in data.items() if key != "trait"}
    return joined([Trait(name, check) for check in read_checks(asked, path, ON_TRAIT, name=name)])


def _event(data: Mapping[str, Any], path: Path) -> Condition:
    asked = _where(data["where"], (*path, "where")) if "where" in data else None
    return joined(read_event(data, path, asked))


def _email(data: Mapping[str, Any], path: Path) -> Condition:
    return joined(read_email(data, path))


def _segment(data: Mapping[str, Any], path: Path) -> Condition:
    only(data, path, {"segment"})
    return InSegment(named(data["segment"], (*path, "segment")))


def _list(data: Mapping[str, Any], path: Path) -> Condition:
    only(data, path, {"list"})
    return InList(named(data["list"], (*path, "list")))


def _consent(data: Mapping[str, Any], path: Path) -> Condition:
    only(data, path, {"consent"})
    here = (*path, "consent")
    asked = data["consent"]
    if not isinstance(asked, dict) or "topic" not in asked:
        raise ConditionError(here, "no topic", "write {topic: marketing, is: subscribed}")
    topic = named(asked["topic"], (*here, "topic"))
    states = {key: value for key, value in asked.items() if key != "topic"}
    if "currency" in states:
        raise unknown((*here, "currency"), "operator", "currency", ON_CONSENT)
    checks = read_checks(states, here, ON_CONSENT)
    for check in checks:
        for state in check.operands:
            if state not in CONSENT_STATES:
                raise unknown((*here, check.op), "consent state", state, CONSENT_STATES)
    return joined([Consent(topic, check) for check in checks])


def _random(data: Mapping[str, Any], path: Path) -> Condition:
    only(data, path, {"random"})
    here = (*path, "random")
    asked = data["random"]
    if not isinstance(asked, dict) or "bucket" not in asked:
        raise ConditionError(here, "no bucket", "write {bucket: [0, 9]} for a tenth of all")
    only(asked, here, {"bucket", "salt"})
    ends = asked["bucket"] if isinstance(asked["bucket"], list) else [asked["bucket"]] * 2
    whole = all(isinstance(end, int) and not isinstance(end, bool) for end in ends)
    if len(ends) != 2 or not whole or not 0 <= ends[0] <= ends[1] < BUCKETS:  # noqa: PLR2004
        raise ConditionError((*here, "bucket"), "not a bucket or two from 0 to 99", "[0, 9]")
    salt = named(asked["salt"], (*here, "salt")) if "salt" in asked else ""
    return Random(salt, int(ends[0]), int(ends[1]))


def _where(data: object, path: Path) -> Where:
    if not isinstance(data, dict) or not data:
        raise ConditionError(path, "not a mapping of properties", "{total: {gte: 50, …}}")
    checks = []
    for key in sorted(data, key=str):
        name = named(key, path)
        asked = data[key]
        if isinstance(asked, list):
            asked = {"in": asked}
        elif not isinstance(asked, dict):
            asked = {"is": asked}
        found = read_checks(asked, (*path, name), ON_PROPERTY, name=name)
        checks += [(name, check) for check in found]
    return Where(tuple(checks))


_FORMS: dict[str, Callable[[Mapping[str, Any], Path], Condition]] = {
    "all": _all,
    "any": _any,
    "not": _not,
    "trait": _trait,
    "event": _event,
    "email": _email,
    "segment": _segment,
    "list": _list,
    "consent": _consent,
    "random": _random,
}
