"""What a condition means, said naively: the whole history looked through each time.

Shares no code with shared.conditions. It reads the plain data that a user writes and a plain
list of what happened, and knows neither aggregates nor instants of change.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class Past(NamedTuple):
    """One thing that happened; `about` holds journey, step, template and human of an e-mail."""

    kind: str
    name: str
    at: datetime
    properties: dict[str, Any]
    about: dict[str, Any]


class World(NamedTuple):
    traits: dict[str, Any]
    consent: dict[str, str]
    segments: set[str]
    lists: set[str]
    history: list[Past]


def span(text: str) -> timedelta:
    return timedelta(**{UNITS[text[-1]]: int(text[:-1])})


def holds(asked: dict[str, Any], world: World, now: datetime) -> bool:
    if "all" in asked:
        return all(holds(part, world, now) for part in asked["all"])
    if "any" in asked:
        return any(holds(part, world, now) for part in asked["any"])
    if "not" in asked:
        return not holds(asked["not"], world, now)
    if "trait" in asked or "consent" in asked:
        return fact_holds(asked, world, now)
    if "segment" in asked or "list" in asked:
        return asked.get("segment") in world.segments or asked.get("list") in world.lists
    return past_holds(asked, world, now)


def fact_holds(asked: dict[str, Any], world: World, now: datetime) -> bool:
    if "consent" in asked:
        ops = {key: value for key, value in asked["consent"].items() if key != "topic"}
        value: Any = world.consent.get(asked["consent"]["topic"], "never_subscribed")
    else:
        ops = {key: value for key, value in asked.items() if key not in ("trait", "currency")}
        value = money_of(world.traits, asked["trait"], asked.get("currency"))
    return all(passes(op, operand, value, now) for op, operand in ops.items())


def past_holds(asked: dict[str, Any], world: World, now: datetime) -> bool:
    found = [past for past in world.history if is_about(asked, past)]
    if "first" in asked or "last" in asked:
        which = "first" if "first" in asked else "last"
        times = sorted(past.at for past in found)
        if not times:
            return False
        at = times[0] if which == "first" else times[-1]
        return all(passes(op, operand, at, now) for op, operand in asked[which].items())
    if "in_last" in asked:
        found = [past for past in found if now < past.at + span(asked["in_last"])]
    if "older_than" in asked:
        found = [past for past in found if past.at + span(asked["older_than"]) <= now]
    if "sum" in asked:
        ops = {k: v for k, v in asked["sum"].items() if k not in ("property", "currency")}
        total = Decimal(0)
        for past in found:
            value = money_of(
                past.properties, asked["sum"]["property"], asked["sum"].get("currency")
            )
            total += Decimal(0) if value is None else Decimal(str(value))
        return all(passes(op, operand, total, now) for op, operand in ops.items())
    wanted = asked.get("count", {"gte": 1})
    return all(passes(op, operand, len(found), now) for op, operand in wanted.items())


def is_about(asked: dict[str, Any], past: Past) -> bool:
    if "event" in asked:
        if past.kind != "event" or past.name != asked["event"]:
            return False
        for name, ops in asked.get("where", {}).items():
            value = money_of(past.properties, name, ops.get("currency"))
            for op, operand in ops.items():
                if op != "currency" and not passes(op, operand, value, past.at):
                    return False
        return True
    if past.kind != "email" or past.name != asked["email"]:
        return False
    if past.name in ("opened", "clicked") and asked.get("by") != "any" and not past.about["human"]:
        return False
    return all(
        past.about[key] == asked[key] for key in ("journey", "step", "template") if key in asked
    )


def money_of(source: dict[str, Any], name: str, currency: str | None) -> Any:
    value = source.get(name)
    if currency is None:
        return value
    if isinstance(value, dict):
        return value.get(currency)
    return value if source.get("currency") == currency else None


def passes(op: str, operand: Any, value: Any, now: datetime) -> bool:
    if op == "exists":
        return bool((value is not None) == operand)
    if op == "is_not":
        return not passes("is", operand, value, now)
    if op == "not_in":
        return not passes("in", operand, value, now)
    if value is None:
        return False
    if op in ("in_last", "older_than"):
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        recent = now - at < span(operand)
        return recent if op == "in_last" else not recent
    return COMPARISONS[op](value, operand)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "is": lambda value, operand: value == operand,
    "in": lambda value, operand: value in operand,
    "gt": lambda value, operand: value > operand,
    "gte": lambda value, operand: value >= operand,
    "lt": lambda value, operand: value < operand,
    "lte": lambda value, operand: value <= operand,
    "between": lambda value, operand: operand[0] <= value <= operand[1],
    "before": lambda value, operand: value < datetime.fromisoformat(operand),
    "after": lambda value, operand: value > datetime.fromisoformat(operand),
    "contains": lambda value, operand: operand in value,
    "starts_with": lambda value, operand: value.startswith(operand),
    "ends_with": lambda value, operand: value.endswith(operand),
}
