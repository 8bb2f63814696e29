"""What somebody chooses behind a mail's link: shown as it holds, taken as it changes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from fastapi import Response

from services.ingest import preference_page as pages
from services.ingest.domain.languages import Language, chosen, known
from services.ingest.domain.posted import Fields
from services.ingest.domain.preferences import Topics, UnknownTopic, choice_of, events_of
from services.ingest.handlers import Door, take_delivery_events
from services.ingest.preference_page import Page, Present, Topic
from services.ingest.taken import UNAVAILABLE
from shared.contracts.profile import Preferences
from shared.errors import Problem
from shared.tokens import BadToken, UnsubscribeClaim, read_token

log = structlog.get_logger()


class KnowsChoices(Protocol):
    """adapters.preferences.PresentChoices."""

    async def of(self, token: str) -> Preferences | None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What the page stands on. `topics`: those of a workspace."""

    token_keys: list[str]
    choices: KnowsChoices
    topics: Callable[[str], Topics]

    def claim(self, token: str) -> UnsubscribeClaim | None:
        try:
            return read_token(self.token_keys, token)
        except BadToken:
            return None

    def page(self, claim: UnsubscribeClaim, language: Language) -> Page:
        title = self.topics(claim.workspace).title(claim.topic, language.code)
        return Page(language, Topic(claim.topic, title))

    def known(self, claim: UnsubscribeClaim) -> frozenset[str]:
        """What may be switched: no more topics than the workspace has, and the mail's own."""
        return self.topics(claim.workspace).known | ({claim.topic} - {""})

    def topic(self, claim: UnsubscribeClaim, name: str, language: Language, *, on: bool) -> Topic:
        return Topic(name, self.topics(claim.workspace).title(name, language.code), on)

    def present(
        self, claim: UnsubscribeClaim, found: Preferences | None, language: Language
    ) -> Present | None:
        """As the page shows it; None if nobody can say what holds."""
        if found is None:
            return None
        offered = {*self.topics(claim.workspace).offered, claim.topic} - {""}
        speaks = known(found.locale)
        return Present(
            topics=tuple(
                self.topic(claim, name, language, on=found.topics.get(name) == "subscribed")
                for name in sorted(offered)
            ),
            frequency="less" if found.email_frequency == "less" else "normal",
            language=speaks.code if speaks else "",
        )


async def choose(
    door: Door, desk: Desk, claim: UnsubscribeClaim, asked: tuple[Fields, Language]
) -> Response:
    """Publishes what the form changes and shows what holds then. Raises Problem 400."""
    fields, language = asked
    try:
        choice = choice_of(fields, desk.known(claim))
    except UnknownTopic as error:
        raise Problem(
            400, "Unknown topic", "on, was: a topic that this shop does not have; open it again."
        ) from error
    events = events_of(choice, claim, door.now(), language.code)
    try:
        await take_delivery_events(door, events)
    except Problem as problem:
        if problem.status != UNAVAILABLE:
            raise
        return pages.failed(desk.page(claim, language))
    log.info("chose", workspace=claim.workspace, contact=claim.contact, events=len(events))
    language = chosen(choice.traits.get("locale", ""), language.code)
    found = _after(fields, everything=choice.everything)
    present = desk.present(claim, found, language)
    return pages.saved(desk.page(claim, language), present, changed=bool(events))


def _after(fields: Fields, *, everything: bool) -> Preferences | None:
    """What holds from now on; segmenter will know it a moment later. None: it was not shown."""
    last = dict(fields)
    if "frequency_was" not in last:
        return None
    on = set() if everything else {value for name, value in fields if name == "on"}
    return Preferences(
        locale=last.get("language") or last.get("language_was", ""),
        email_frequency=last.get("frequency") or last.get("frequency_was", ""),
        topics=dict.fromkeys(on, "subscribed"),
    )
