"""Consent per topic: the newer word counts, of two at the same instant the stricter.

A word on all marketing stands under `EVERYTHING` and is a word on each topic that is known.
`pending` (double opt-in) is no word yet: it counts where nothing else was said.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast, get_args

from shared.contracts import Consent, DeliveryEvent
from shared.contracts.profile import ConsentState

TRAIT = "consent"
MAX_TOPICS = 50
_STRICTEST_FIRST = ("unsubscribed", "never_subscribed", "pending", "subscribed")
_STATES = get_args(ConsentState)
EVERYTHING = "*"
AGREES = ("subscribed", "pending")
_SAYS: dict[str, ConsentState] = {
    "Unsubscribed": "unsubscribed",
    "Complained": "unsubscribed",
    "Subscribed": "subscribed",
}


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


def stated(event: DeliveryEvent, at: datetime) -> dict[str, Consent]:
    """What a delivery event says of its topic, or of all marketing; most say nothing."""
    state = _SAYS.get(event.event)
    if state is None:
        return {}
    said = Consent(state=state, at=at, source=_source(event), text=event.text)
    return {event.topic or EVERYTHING: said}


def _source(event: DeliveryEvent) -> str:
    if event.event == "Complained":
        return "complaint"
    chosen = event.event == "Subscribed" or event.source == "preferences"
    return event.source if chosen else "unsubscribe"


def united(a: dict[str, Consent], b: Mapping[str, Consent]) -> dict[str, Consent]:
    """Both together, whichever came first."""
    if not b:
        return a
    both = {**a, **{t: stronger(a[t], said) if t in a else said for t, said in b.items()}}
    overall = both.get(EVERYTHING)
    return {t: stronger(said, overall) for t, said in both.items()} if overall else both


def stronger(a: Consent, b: Consent) -> Consent:
    """The one that counts. Pending is a request, not a word: until it is confirmed, whoever is
    subscribed stays so and whoever has said no too.
    """
    return max(a, b, key=_rank)


def _rank(said: Consent) -> tuple[bool, datetime, int, str, str]:
    strictness = -_STRICTEST_FIRST.index(said.state)
    return (said.state != "pending", said.at, strictness, said.source, said.text)
