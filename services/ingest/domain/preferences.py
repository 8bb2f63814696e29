"""What somebody chooses on the page behind a mail's link, and the delivery events that say it."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from services.ingest.domain.languages import LANGUAGES
from services.ingest.domain.linked import said
from shared.contracts import Definition, DeliveryEvent
from shared.tokens import UnsubscribeClaim

ACTION = ("action", "preferences")
FREQUENCIES = ("normal", "less")
TEXT = "preference-page-1"
"""The version of what the page asks, kept with a consent given there, with its language."""
_SENT_FOR = frozenset({"running", "paused"})
_TITLE = re.compile(r"[-_]+")


class UnknownTopic(ValueError):  # noqa: N818  named for the fact
    """A topic that this workspace does not have; nothing of the form is taken then."""


class Topics(NamedTuple):
    """A workspace's marketing topics. `offered`: those that mails are sent for, in order;
    `known`: those too that once were. `titles`: as the workspace calls them, a text or one a
    language.
    """

    offered: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    titles: Mapping[str, Any] = {}

    def title(self, topic: str, language: str) -> str:
        """What a person reads: the workspace's own word, else the id, spoken."""
        given = self.titles.get(topic)
        if isinstance(given, Mapping):
            given = given.get(language) or given.get("en")
        if isinstance(given, str) and given.strip():
            return given.strip()
        return _TITLE.sub(" ", topic).strip() or topic


class Choice(NamedTuple):
    """What a form changes. `everything`: no more marketing at all, whatever the topics say."""

    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    everything: bool = False
    traits: Mapping[str, str] = {}


def topics_of(definitions: Iterable[Definition]) -> Topics:
    """Of one workspace's journeys, forms and own definition; transactional ones are not asked."""
    offered: set[str] = set()
    known: set[str] = set()
    titles: Mapping[str, Any] = {}
    for definition in definitions:
        if definition.kind == "workspace":
            given = definition.body.get("topics")
            titles = given if isinstance(given, Mapping) else {}
            continue
        found = _topics(definition)
        known |= found
        if definition.status in _SENT_FOR:
            offered |= found
    return Topics(tuple(sorted(offered)), frozenset(known), titles)


def _topics(definition: Definition) -> set[str]:
    body = definition.body
    if definition.kind == "form":
        consent = body.get("consent")
        named = consent.get("topics") if isinstance(consent, Mapping) else None
        return {t for t in named if isinstance(t, str)} if isinstance(named, list) else set()
    topic = body.get("topic")
    return {topic} if isinstance(topic, str) and not body.get("transactional") else set()


def choice_of(fields: Iterable[tuple[str, str]], known: Collection[str]) -> Choice:
    """What the form's fields change of what its page has shown (`was`, `off`, `…_was`).

    So a page that was open for long takes back nothing that was decided elsewhere since. Raises
    UnknownTopic.
    """
    given: dict[str, list[str]] = {}
    for name, value in fields:
        given.setdefault(name, []).append(value)
    traits = _traits({name: values[-1] for name, values in given.items()})
    if "everything" in given:
        return Choice(everything=True, traits=traits)
    was, off, on = (set(given.get(name, ())) for name in ("was", "off", "on"))
    subscribe, unsubscribe = (off - was) & on, was - on
    if not (subscribe | unsubscribe) <= set(known):
        raise UnknownTopic
    return Choice(tuple(sorted(subscribe)), tuple(sorted(unsubscribe)), traits=traits)


def _traits(given: Mapping[str, str]) -> dict[str, str]:
    frequency, language = given.get("frequency"), given.get("language")
    traits = {}
    if frequency in FREQUENCIES and frequency != given.get("frequency_was"):
        traits["email_frequency"] = str(frequency)
    if language in LANGUAGES and language != given.get("language_was"):
        traits["locale"] = str(language)
    return traits


def events_of(
    choice: Choice, claim: UnsubscribeClaim, now: datetime, language: str
) -> list[DeliveryEvent]:
    """Only what changes; a no to everything before all else."""
    tell = partial(said, claim, now=now, source="preferences")
    no = ("",) if choice.everything else choice.unsubscribe
    events = [tell("Unsubscribed", topic=topic) for topic in no]
    text = f"{TEXT}-{language}"
    events += [tell("Subscribed", topic=topic, text=text) for topic in choice.subscribe]
    if choice.traits:
        events.append(tell("PreferencesChanged", traits=dict(choice.traits)))
    return events
