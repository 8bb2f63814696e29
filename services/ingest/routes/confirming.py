"""Double opt-in: the link in a confirmation mail. GET shows a button, POST confirms."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from services.ingest import confirm_page
from services.ingest.domain.languages import Language, chosen
from services.ingest.domain.linked import said
from services.ingest.domain.preferences import Topics
from services.ingest.handlers import Door, take_delivery_events
from services.ingest.routes.asked import LOST, PAGE, Accepted, Asked
from services.ingest.taken import UNAVAILABLE
from shared.contracts import DeliveryEvent
from shared.errors import Problem
from shared.tokens import BadToken, ConfirmClaim, read_confirmation

log = structlog.get_logger()
GOOD_FOR = timedelta(days=30)
_LOST = LOST | {410: {"description": "Older than 30 days: sign up again", **PAGE}}
_NOT_KEPT: dict[int | str, dict[str, Any]] = {
    503: {"description": "Kafka did not take it in time; press again", **PAGE}
}


@dataclass(frozen=True, slots=True)
class _Confirmations:
    """What the page stands on."""

    token_keys: list[str]
    topics: Callable[[str], Topics]

    def claim(self, token: str) -> ConfirmClaim | None:
        try:
            return read_confirmation(self.token_keys, token)
        except BadToken:
            return None

    def titles(self, claim: ConfirmClaim, language: Language) -> list[str]:
        named = self.topics(claim.workspace)
        return [named.title(topic, language.code) for topic in claim.topics]


def router(door: Door, token_keys: list[str], topics: Callable[[str], Topics]) -> APIRouter:
    """`topics`: those of a workspace, as people call them."""
    confirmations = _Confirmations(token_keys, topics)
    routes = APIRouter(tags=["links in mails"], default_response_class=HTMLResponse)

    @routes.head("/confirm/{token}", include_in_schema=False)
    @routes.get("/confirm/{token}", summary="Ask for a confirmation", responses=_LOST)
    async def look(token: str, lang: Asked = "", accepted: Accepted = "") -> Response:
        """Mail scanners fetch links, so this does nothing but show a button."""
        claim = confirmations.claim(token)
        language = chosen(lang, claim.locale if claim else "", accepted=accepted)
        wrong = _wrong(claim, door.now(), language)
        if wrong is not None or claim is None:
            return wrong or confirm_page.unknown(language)
        return confirm_page.ask(language, confirmations.titles(claim, language))

    @routes.post("/confirm/{token}", summary="Confirm", responses={**_LOST, **_NOT_KEPT})
    async def confirm(token: str, lang: Asked = "", accepted: Accepted = "") -> Response:
        """Subscribed to the topics that the form named. 200 when Kafka has it; repeats are
        harmless. No body is read.
        """
        claim = confirmations.claim(token)
        language = chosen(lang, claim.locale if claim else "", accepted=accepted)
        wrong = _wrong(claim, door.now(), language)
        if wrong is not None or claim is None:
            return wrong or confirm_page.unknown(language)
        try:
            await take_delivery_events(door, _subscribed(claim, door.now()))
        except Problem as problem:
            if problem.status != UNAVAILABLE:
                raise
            return confirm_page.failed(language)
        log.info("confirmed", workspace=claim.workspace, contact=claim.contact, form=claim.form)
        return confirm_page.done(language, confirmations.titles(claim, language))

    return routes


def _wrong(claim: ConfirmClaim | None, now: datetime, language: Language) -> Response | None:
    if claim is None:
        return confirm_page.unknown(language)
    age = now.timestamp() - claim.issued
    return confirm_page.old(language) if age > GOOD_FOR.total_seconds() else None


def _subscribed(claim: ConfirmClaim, now: datetime) -> list[DeliveryEvent]:
    """One a topic, under the text that stood in the form."""
    more = {"text": claim.text, "source": "double_opt_in"}
    return [said(claim, "Subscribed", now, topic=topic, **more) for topic in claim.topics]
