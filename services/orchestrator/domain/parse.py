"""A journey from plain data: checked as a whole, every fault with its place and a hint."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import msgspec

from services.orchestrator.domain.compiling import Program
from services.orchestrator.domain.model import EventRule, Goal, Journey, Policy, Reentry, Trigger
from services.orchestrator.domain.reading import (
    JourneyError,
    event_rule,
    flag,
    identifier,
    mapping,
    named,
    no_quiet_hours,
    one_of,
    only,
    quiet_hours,
    required,
    sequence,
    span,
    unknown,
)
from shared.conditions import ConditionError, Where, parse, parse_where
from shared.conditions.errors import Path
from shared.contracts import plain
from shared.contracts.zones import ZONES, is_zone

_KEYS = frozenset(
    {"journey", "description", "trigger", "topic", "transactional", "reentry", "exit_when"}
    | {"goal", "policy", "steps"}
)
_TRIGGERS = ("event", "quiet", "segment")
_PERIODS = frozenset({"once", "every_time", "per_key"})
_MAX_KEY_FIELDS = 5
_MAX_RULES = 20
MAX_EXPIRY = timedelta(days=30)


def parse_journey(data: object, version: int = 1) -> Journey:
    """Compile a journey. Raises JourneyError (path, message, hint)."""
    try:
        return _journey(data, version)
    except JourneyError:
        raise
    except ConditionError as error:
        raise JourneyError(error.path, error.message, error.hint) from None


def _journey(data: object, version: int) -> Journey:
    top = mapping(data, (), "journey: my-journey, trigger: …, topic: …, steps: […]")
    only(top, (), _KEYS)
    trigger = _trigger(required(top, "trigger", (), "{event: Signed Up}"))
    keyed = bool(trigger.key)
    policy = _policy(top["policy"]) if "policy" in top else Policy()
    transactional = flag(top.get("transactional", False), ("transactional",))
    if transactional and policy.quiet_hours:
        raise no_quiet_hours(("policy", "quiet_hours"))
    program = Program(keyed=keyed, quiet_hours=policy.quiet_hours, transactional=transactional)
    first = program.compile(required(top, "steps", (), "[{id: hello, send: welcome}]"), ("steps",))
    program.check()
    return Journey(
        id=identifier(required(top, "journey", (), "my-journey"), ("journey",)),
        version=version,
        topic=identifier(required(top, "topic", (), "newsletter"), ("topic",)),
        transactional=transactional,
        trigger=trigger,
        reentry=_reentry(top.get("reentry", "once"), keyed=keyed),
        exit_when=_exits(top["exit_when"], keyed=keyed) if "exit_when" in top else (),
        goal=_goal(top["goal"], keyed=keyed) if "goal" in top else None,
        policy=policy,
        first=first,
        nodes=program.nodes,
        steps=tuple(program.infos),
        description=str(top.get("description", "")),
        body=_body(top),
    )


def _body(top: Mapping[str, Any]) -> dict[str, Any]:
    try:
        body: dict[str, Any] = plain(top)
    except (TypeError, msgspec.MsgspecError) as error:
        raise JourneyError((), f"not plain data: {error}") from None
    return body


def _trigger(data: object) -> Trigger:
    path: Path = ("trigger",)
    given = mapping(data, path, "{event: Signed Up}")
    kinds = [key for key in _TRIGGERS if key in given]
    if len(kinds) != 1:
        only(given, path, {*_TRIGGERS, "for", "on", "key", "where", "who", "max_age"})
        raise JourneyError(path, "needs one of event, quiet, segment", "such as {event: Signed Up}")
    kind = kinds[0]
    allowed = {kind, "who", "max_age"}
    allowed |= {"on"} if kind == "segment" else {"key", "where"}
    allowed |= {"for"} if kind == "quiet" else set()
    only(given, path, allowed)
    trigger = Trigger(
        kind=kind,  # type: ignore[arg-type]  # one of _TRIGGERS
        where=parse_where(given["where"], where=(*path, "where")) if "where" in given else Where(),
        who=parse(given["who"], where=(*path, "who")) if "who" in given else None,
        max_age=span(given.get("max_age", "24h"), (*path, "max_age")),
        key=_key(given["key"], (*path, "key")) if "key" in given else (),
    )
    return msgspec.structs.replace(trigger, **_started_by(kind, given, path))


def _started_by(kind: str, given: Mapping[str, Any], path: Path) -> dict[str, Any]:
    here = (*path, kind)
    if kind == "segment":
        change = one_of(given.get("on", "entered"), (*path, "on"), "change", {"entered", "left"})
        return {"segment": identifier(given[kind], here), "change": change}
    names = given[kind] if isinstance(given[kind], list) else [given[kind]]
    if not names:
        raise JourneyError(here, "no event's name", "such as Product Added")
    events = tuple(dict.fromkeys(named(name, here) for name in names))
    if kind == "event":
        return {"events": events}
    quiet_for = span(required(given, "for", path, "1h"), (*path, "for"))
    return {"events": events, "quiet_for": quiet_for}


def _key(data: object, path: Path) -> tuple[str, ...]:
    fields = data if isinstance(data, list) else [data]
    names = tuple(dict.fromkeys(named(field, path) for field in fields))
    if not 0 < len(names) <= _MAX_KEY_FIELDS:
        raise JourneyError(path, f"not 1 to {_MAX_KEY_FIELDS} fields", "such as [cart_id]")
    return names


def _reentry(data: object, *, keyed: bool) -> Reentry:
    path: Path = ("reentry",)
    if isinstance(data, dict):
        only(data, path, {"after_period", "per_key"})
        period = span(required(data, "after_period", path, "7d"), (*path, "after_period"))
        each_key = flag(data.get("per_key", False), (*path, "per_key"))
        _check_keyed(path, keyed=keyed or not each_key)
        return Reentry("after_period", period, each_key)
    if data == "after_period":
        raise JourneyError(path, "how long?", "write {after_period: 7d}")
    kind = one_of(data, path, "re-entry rule", _PERIODS | {"after_period"})
    _check_keyed(path, keyed=keyed or kind != "per_key")
    chosen: Literal["once", "every_time", "per_key"] = kind  # type: ignore[assignment]
    return Reentry(chosen)


def _check_keyed(path: Path, *, keyed: bool) -> None:
    if not keyed:
        raise JourneyError(path, "the trigger has no key", "give it key: [cart_id]")


def _exits(data: object, *, keyed: bool) -> tuple[EventRule, ...]:
    path: Path = ("exit_when",)
    rules = sequence(data, path, "[{event: Order Completed}]")
    if len(rules) > _MAX_RULES:
        raise JourneyError(path, f"more than {_MAX_RULES} rules")
    return tuple(_rule(rule, (*path, i), "exit", keyed=keyed) for i, rule in enumerate(rules))


def _rule(data: object, path: Path, missing: str, *, keyed: bool) -> EventRule:
    rule = mapping(data, path, "{event: Order Completed}")
    only(rule, path, {"event", "where", "match", "if_missing"})
    required(rule, "event", path, "Order Completed")
    return event_rule(rule, path, keyed=keyed, missing=missing)


def _goal(data: object, *, keyed: bool) -> Goal:
    path: Path = ("goal",)
    goal = mapping(data, path, "{event: Order Completed, within: 5d, value: revenue}")
    only(goal, path, {"event", "where", "match", "if_missing", "within", "value"})
    rule = {key: goal[key] for key in goal if key not in ("within", "value")}
    return Goal(
        rule=_rule(rule or goal, path, "match", keyed=keyed),
        within=span(goal.get("within", "5d"), (*path, "within")),
        value=named(goal["value"], (*path, "value")) if "value" in goal else "",
    )


def _policy(data: object) -> Policy:
    path: Path = ("policy",)
    given = mapping(data, path, "{expires_after: 12h}")
    only(given, path, {"priority", "on_cap", "expires_after", "quiet_hours", "timezone"})
    priorities, answers = {"low", "normal", "high"}, {"defer", "skip", "replace"}
    return Policy(
        expires_after=_expiry(given.get("expires_after", "24h"), (*path, "expires_after")),
        quiet_hours=quiet_hours(given.get("quiet_hours", "none"), (*path, "quiet_hours")),
        timezone=_zone(given.get("timezone", "contact"), (*path, "timezone")),
        priority=one_of(
            given.get("priority", "normal"), (*path, "priority"), "priority", priorities
        ),
        on_cap=one_of(given.get("on_cap", "defer"), (*path, "on_cap"), "answer", answers),
    )


def _expiry(value: object, path: Path) -> timedelta:
    found = span(value, path)
    if found > MAX_EXPIRY:
        raise JourneyError(path, "too long to wait for one mail", f"up to {MAX_EXPIRY.days}d")
    return found


def _zone(value: object, path: Path) -> str:
    if value == "contact" or is_zone(value):
        return str(value)
    raise unknown(
        path, "timezone", value, ("contact", *ZONES), "contact, or such as Europe/Tallinn"
    )
