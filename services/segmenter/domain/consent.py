"""Consent per topic: the newer word counts, of two at the same instant the stricter."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast, get_args

from shared.contracts import Consent, DeliveryEvent
from shared.contracts.profile import ConsentState

TRAIT = "consent"
MAX_TOPICS = 50
_STRICTEST_FIRST = ("unsubscribed", "never_subscribed", "pending", "subscribed")
_STATES = get_args(ConsentState)
_NO = {"Unsubscribed": "unsubscribe", "Complained": "complaint"}


def read(traits: Mapping[str, Any], at: datetime) -> tuple[dict[str, Consent], list[str]]:
    """`traits.consent` as (topic to consent, what is wrong with the rest, field by field)."""
    asked = traits.get(TRAIT)
    if asked is None:
        return {}, []
    if not isinstance(asked, Mapping) or len(asked) > MAX_TOPICS:
        return {}, [f"traits.consent: give {{topic: {{state: subscribed}}}}, up to {MAX_TOPICS}"]
    found, wrong = {}, []
    for topic, said in asked.items():
        state = said.get("state") if isinstance(said, Mapping) else None
        if state not in _STATES:
            one_of = ", ".join(_STATES)
            wrong.append(f"traits.consent.{topic}.state: {state!r} is not one of {one_of}")
            continue
        source, text = str(said.get("source") or ""), str(said.get("text") or "")
        found[str(topic)] = Consent(
            state=cast("ConsentState", state), at=at, source=source, text=text
        )
    return found, wrong


def withdrawn(
    known: Mapping[str, Consent], event: DeliveryEvent, at: datetime
) -> dict[str, Consent]:
    """What an unsubscribe or a complaint says: its topic's, or all that are known without one."""
    source = _NO.get(event.event)
    if source is None:
        return {}
    topics = [event.topic] if event.topic else list(known)
    return {topic: Consent(state="unsubscribed", at=at, source=source) for topic in topics}


def united(a: dict[str, Consent], b: Mapping[str, Consent]) -> dict[str, Consent]:
    """Both together, whichever came first."""
    changed = {t: stronger(a[t], said) if t in a else said for t, said in b.items()}
    return {**a, **changed} if changed else a


def stronger(a: Consent, b: Consent) -> Consent:
    """The one that counts."""
    return max(a, b, key=_rank)


def _rank(said: Consent) -> tuple[datetime, int, str, str]:
    return (said.at, -_STRICTEST_FIRST.index(said.state), said.source, said.text)
