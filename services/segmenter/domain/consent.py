"""Consent per topic: the newer word counts, of two at the same instant the stricter.

What a shop says again and again is kept apart (`boxes`), unless it says since when it is so.
A word on all marketing stands under `EVERYTHING` and is a word on each topic that is known.
`pending` (double opt-in) is no word yet: it counts where nothing else was said.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast, get_args

import msgspec
from msgspec.structs import replace

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
    given = traits.get(TRAIT)
    if given is not None and (not isinstance(given, Mapping) or len(given) > MAX_TOPICS):
        return {}, [f"traits.consent: give {{topic: {{state: subscribed}}}}, up to {MAX_TOPICS}"]
    found, wrong = {}, []
    for topic, said in asked(traits).items():
        said_now = word(said, at)
        if said_now is None:
            state = said.get("state") if isinstance(said, Mapping) else None
            one_of = ", ".join(_STATES)
            wrong.append(f"traits.consent.{topic}.state: {state!r} is not one of {one_of}")
        elif not box_of(said):
            found[str(topic)] = said_now
        elif (since := _since(said)) is not None:
            found[str(topic)] = replace(said_now, at=min(since, at))
    return found, wrong


def asked(traits: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is said of each topic, as it came; nothing if it is more than anybody says."""
    given = traits.get(TRAIT)
    return given if isinstance(given, Mapping) and len(given) <= MAX_TOPICS else {}


def word(said: object, at: datetime) -> Consent | None:
    """None if it cannot be understood."""
    state = said.get("state") if isinstance(said, Mapping) else None
    if not isinstance(said, Mapping) or state not in _STATES:
        return None
    source, text = str(said.get("source") or ""), str(said.get("text") or "")
    return Consent(state=cast("ConsentState", state), at=at, source=source, text=text)


def box_of(said: Mapping[str, Any]) -> str:
    """The box that it was read off; empty if somebody said it. A request is no box's."""
    return "" if said.get("state") == "pending" else str(said.get("box") or "")


def _since(said: Mapping[str, Any]) -> datetime | None:
    try:
        since = msgspec.convert(said.get("since"), datetime)
    except msgspec.ValidationError:
        return None
    return since if since.tzinfo else None


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


def by_time(said: Consent) -> tuple[datetime, int, str, str]:
    """In the order of time, of the same instant the stricter last."""
    return (said.at, -_STRICTEST_FIRST.index(said.state), said.source, said.text)


def _rank(said: Consent) -> tuple[bool, tuple[datetime, int, str, str]]:
    return (said.state != "pending", by_time(said))
