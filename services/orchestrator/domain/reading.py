"""The words and shapes of a journey file: each read with its place, each fault with a hint."""

import json
import re
from collections.abc import Collection, Mapping
from datetime import time, timedelta
from typing import Any

from services.orchestrator.domain.model import EmailAsk, EventRule, Hours
from shared.conditions import Condition, ConditionError, Where, duration, parse, parse_where
from shared.conditions.errors import Path, unknown
from shared.conditions.shape import named, only

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
ENGAGEMENTS = ("opened", "clicked")


class JourneyError(ConditionError):
    """A journey that cannot be read. `path` leads to the fault, `hint` says what was meant."""


def mapping(data: object, path: Path, example: str) -> Mapping[str, Any]:
    if not isinstance(data, dict) or not data:
        raise JourneyError(path, "not a mapping", f"write {example}")
    return data


def sequence(data: object, path: Path, example: str) -> list[Any]:
    if not isinstance(data, list) or not data:
        raise JourneyError(path, "not a list", f"write {example}")
    return data


def required(data: Mapping[str, Any], key: str, path: Path, example: str) -> Any:
    if key not in data:
        raise JourneyError(path, f"'{key}' is missing", f"write {key}: {example}")
    return data[key]


def identifier(value: object, path: Path) -> str:
    """An id: letters, digits, - and _ (it becomes a tag of the mail), up to 64."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise JourneyError(path, f"not an id: {value!r}", "letters, digits, - and _, up to 64")
    return str(value)


def span(value: object, path: Path) -> timedelta:
    found = duration(value)
    if found is None:
        raise JourneyError(path, f"not a duration: {value!r}", "write 90d, 12h, 30m or 45s")
    return found


def one_of(value: object, path: Path, what: str, known: Collection[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise unknown(path, what, value, known)
    return str(value)


def flag(value: object, path: Path) -> bool:
    if not isinstance(value, bool):
        raise JourneyError(path, f"not true or false: {value!r}")
    return value


def quiet_hours(value: object, path: Path) -> Hours | None:
    """`"21:00-08:00"`, or `none`: at any time of day."""
    if value == "none":
        return None
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        said = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
        raise JourneyError(path, f"not hours: {said}", 'write "21:00-08:00" in quotes, or none')
    start, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    if start == end:
        raise JourneyError(path, "no hour is left", "the two times must differ")
    return start, end


def no_quiet_hours(path: Path) -> JourneyError:
    return JourneyError(path, "transactional mail goes out at any time of day", "leave it out")


def event_rule(data: Mapping[str, Any], path: Path, *, keyed: bool, missing: str) -> EventRule:
    """`{event: Order Completed, where: …, match: key, if_missing: …}`; `missing` says yes."""
    by_key = "match" in data
    if by_key:
        one_of(data["match"], (*path, "match"), "match", {"key"})
        if not keyed:
            raise JourneyError((*path, "match"), "the trigger has no key", "give it key: [cart_id]")
    if_missing = False
    if "if_missing" in data:
        here = (*path, "if_missing")
        if_missing = one_of(data["if_missing"], here, "answer", {missing, "ignore"}) == missing
        if not by_key:
            raise JourneyError(here, "goes with match: key", "add match: key or leave it out")
    return EventRule(
        event=named(data["event"], (*path, "event")),
        where=parse_where(data["where"], where=(*path, "where")) if "where" in data else Where(),
        by_key=by_key,
        if_missing=if_missing,
    )


def question(data: object, path: Path) -> EmailAsk | Condition:
    """Of a branch or a wait: the run's own mail, or any condition on the contact."""
    if isinstance(data, dict) and {"email", "step"} == data.keys():
        if data["email"] in ENGAGEMENTS:
            return EmailAsk(data["email"], named(data["step"], (*path, "step")))
        if data["email"] not in ("sent", "delivered"):
            one_of(data["email"], (*path, "email"), "state of an e-mail", ENGAGEMENTS)
    return parse(data, where=path)


def expectation(data: object, path: Path, *, keyed: bool) -> EmailAsk | EventRule | Condition:
    """Of a wait: besides questions, an event that has yet to come."""
    if isinstance(data, dict) and "event" in data and data.keys() <= {"event", "where", "match"}:
        return event_rule(data, path, keyed=keyed, missing="match")
    return question(data, path)


__all__ = [
    "JourneyError",
    "event_rule",
    "expectation",
    "flag",
    "identifier",
    "mapping",
    "named",
    "no_quiet_hours",
    "one_of",
    "only",
    "question",
    "quiet_hours",
    "required",
    "sequence",
    "span",
    "unknown",
]
