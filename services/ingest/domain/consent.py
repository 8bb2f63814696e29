"""`traits.consent`: `{topic: {state, source, text, box, since}}`.

A word misread here would mail somebody.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

import msgspec

from shared.contracts.profile import ConsentState
from shared.contracts.wire import BadCall
from shared.hints import did_you_mean

STATES: tuple[str, ...] = get_args(ConsentState)
MAX_TOPICS = 50
MAX_TEXT = 256
_FORM = "give {topic: {state: subscribed, source: checkout, text: v3}}"


def check_consent(traits: Mapping[str, Any] | None, place: str = "traits") -> None:
    """Raises BadCall. `place`: where in the call the traits stand."""
    asked = (traits or {}).get("consent")
    if asked is None:
        return
    if not isinstance(asked, dict):
        raise BadCall(f"{place}.consent", _FORM)
    if len(asked) > MAX_TOPICS:
        raise BadCall(f"{place}.consent", f"has more than {MAX_TOPICS} topics")
    for topic, said in asked.items():
        _check_topic(f"{place}.consent.{topic[:MAX_TEXT]}", topic, said)


def _check_topic(field: str, topic: str, said: object) -> None:
    if not topic.strip() or len(topic) > MAX_TEXT:
        raise BadCall(field, f"a topic's name has 1 to {MAX_TEXT} characters")
    if not isinstance(said, dict):
        raise BadCall(field, _FORM)
    state = said.get("state")
    if state not in STATES:
        one_of = f"give one of {', '.join(STATES)}"
        if state is None:
            raise BadCall(f"{field}.state", f"is missing; {one_of}")
        hint = did_you_mean(str(state).lower(), STATES, one_of)
        raise BadCall(f"{field}.state", f"{str(state)[:40]!r} is unknown; {hint}")
    for name in ("source", "text", "box"):
        word = said.get(name)
        if word is not None and (not isinstance(word, str) or len(word) > MAX_TEXT):
            raise BadCall(f"{field}.{name}", f"must be a text of up to {MAX_TEXT} characters")
    if said.get("since") is not None and not _is_moment(said["since"]):
        raise BadCall(f"{field}.since", "must be a time with its zone, 2026-01-31T12:00:00Z")


def _is_moment(given: object) -> bool:
    try:
        return isinstance(given, str) and msgspec.convert(given, datetime).tzinfo is not None
    except msgspec.ValidationError:
        return False
