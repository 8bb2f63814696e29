"""The leaves about the past, `event` and `email`: what they ask and what must be remembered."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from .errors import ConditionError, Path, unknown
from .operators import MONEY, ON_COUNT, ON_EDGE, ON_SUM, read_checks, read_currency, read_span
from .shape import named, only
from .tree import Aggregate, Check, Condition, Edge, Happened, Summed, Where

MAX_KEPT = 200
"""Times kept for a count in a window, and amounts kept for a sum in a window."""

EMAIL_KINDS = frozenset({"sent", "delivered", "opened", "clicked"})
_SEEN_BY_MACHINES = frozenset({"opened", "clicked"})
_MEASURES = frozenset({"count", "sum", "first", "last", "in_last", "older_than"})
_LATER = frozenset({"not_followed_by", "link_topic"})
_ONCE = Check("gte", "number", (Decimal(1),))


def read_event(data: Mapping[str, Any], path: Path, where: Where | None) -> list[Condition]:
    """`{event: Order Completed, where: …, in_last: 365d, count: {gte: 2}}`."""
    _refuse_later(data, path)
    only(data, path, {"event", "where"} | _MEASURES)
    names = data["event"] if isinstance(data["event"], list) else [data["event"]]
    if not names:
        raise ConditionError((*path, "event"), "no event's name")
    found = sorted({named(name, (*path, "event")) for name in names})
    about = Aggregate(kind="event", names=tuple(found))
    if where is not None:
        about = msgspec.structs.replace(about, where=where)
    return _measure(data, path, about)


def read_email(data: Mapping[str, Any], path: Path) -> list[Condition]:
    """`{email: opened, step: reminder, in_last: 90d, by: any}`; opened and clicked by people."""
    _refuse_later(data, path)
    only(data, path, {"email", "journey", "step", "template", "by"} | _MEASURES - {"sum"})
    kind = data["email"]
    if not isinstance(kind, str) or kind not in EMAIL_KINDS:
        raise unknown((*path, "email"), "state of an e-mail", kind, EMAIL_KINDS)
    of = {
        key: named(data[key], (*path, key))
        for key in ("journey", "step", "template")
        if key in data
    }
    by = data.get("by", "people")
    if by not in ("people", "any"):
        raise unknown((*path, "by"), "reader", by, {"people", "any"})
    seen = kind in _SEEN_BY_MACHINES
    if "by" in data and not seen:
        raise ConditionError((*path, "by"), "only for opened and clicked", "leave it out")
    people = seen and by == "people"
    about = Aggregate(
        kind="email",
        names=(str(kind),),
        journey=of.get("journey"),
        step=of.get("step"),
        template=of.get("template"),
        people=people,
    )
    return _measure(data, path, about)


def _refuse_later(data: Mapping[str, Any], path: Path) -> None:
    for key in sorted(_LATER & data.keys()):
        raise ConditionError((*path, key), f"'{key}' is not supported yet", "leave it out")


def _measure(data: Mapping[str, Any], path: Path, about: Aggregate) -> list[Condition]:
    measures = [key for key in ("count", "sum", "first", "last") if key in data]
    if len(measures) > 1:
        both = " and ".join(measures[:2])
        raise ConditionError(path, f"{both} in one condition", "join them with all:")
    measure = measures[0] if measures else "count"
    asked = data.get(measure)
    if measures and not isinstance(asked, dict):
        example = "{in_last: 30d}" if measure in ("first", "last") else "{gte: 2}"
        raise ConditionError((*path, measure), f"not a mapping: {asked!r}", f"write {example}")
    window, span = _window(data, path)
    if measure == "count":
        checks = _count_checks(asked, (*path, "count"))
        return [_happened(about, window, span, check, path) for check in checks]
    if measure == "sum":
        return _summed(asked or {}, (*path, "sum"), about, window, span)
    if window != "ever":
        raise ConditionError(
            (*path, window), f"not beside {measure}", f"{measure}: {{{window}: …}}"
        )
    checks = read_checks(asked or {}, (*path, measure), ON_EDGE)
    return [Edge(about, "first" if measure == "first" else "last", check) for check in checks]


def _window(data: Mapping[str, Any], path: Path) -> tuple[str, int]:
    given = [key for key in ("in_last", "older_than") if key in data]
    if len(given) > 1:
        raise ConditionError(path, "in_last and older_than in one condition", "join two conditions")
    if not given:
        return "ever", 0
    return given[0], read_span(data[given[0]], (*path, given[0]))


def _count_checks(asked: Mapping[str, Any] | None, path: Path) -> tuple[Check, ...]:
    if asked is None:
        return (_ONCE,)
    if "currency" in asked:
        raise unknown((*path, "currency"), "operator", "currency", ON_COUNT)
    checks = read_checks(asked, path, ON_COUNT)
    for check in checks:
        for limit in check.operands:
            if not isinstance(limit, Decimal) or limit < 0 or limit != int(limit):
                raise ConditionError((*path, check.op), "not a whole number from 0 on", "gte: 2")
    return checks


def _happened(about: Aggregate, window: str, span: int, check: Check, path: Path) -> Condition:
    if window == "ever":
        return Happened(about, "ever", 0, check)
    # Below the limit a change of the count can change the answer, above it none can.
    limit = max(int(operand) for operand in check.operands)
    kept = limit if check.op in ("gte", "lt") else limit + 1
    if kept > MAX_KEPT:
        message = f"counts up to {MAX_KEPT - 1} within a time"
        raise ConditionError((*path, "count", check.op), message, "leave out the time")
    if window == "in_last":
        return Happened(msgspec.structs.replace(about, newest=kept), "in_last", span, check)
    return Happened(msgspec.structs.replace(about, oldest=kept), "older_than", span, check)


def _summed(
    asked: Mapping[str, Any], path: Path, about: Aggregate, window: str, span: int
) -> list[Condition]:
    if window == "older_than":
        raise ConditionError(path, "not beside older_than", "in_last, or no time at all")
    if "property" not in asked:
        raise ConditionError(path, "no property", "{property: total, gte: 500, currency: EUR}")
    name = named(asked["property"], (*path, "property"))
    currency = read_currency(asked, path)
    if currency is None and name.rpartition(".")[2] in MONEY:
        raise ConditionError(path, f"'{name}' is money", "say which, such as currency: EUR")
    limits = {key: value for key, value in asked.items() if key not in ("property", "currency")}
    checks = read_checks(limits, path, ON_SUM)
    for check in checks:
        if check.kind != "number":
            raise ConditionError((*path, check.op), "not a number", "gte: 500")
    listed = window == "in_last"
    spec = msgspec.structs.replace(about, amount_of=name, currency=currency, amounts_listed=listed)
    return [Summed(spec, span if listed else None, check) for check in checks]
