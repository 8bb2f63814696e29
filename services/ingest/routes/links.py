"""The links in mails: one-click unsubscribe, and the preferences behind the same link."""

from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from services.ingest import preference_page as pages
from services.ingest.adapters.bodies import whole_body
from services.ingest.choosing import Desk, choose
from services.ingest.domain.languages import LANGUAGES, chosen
from services.ingest.domain.linked import said
from services.ingest.domain.posted import TooManyFields, fields_of
from services.ingest.domain.preferences import ACTION, FREQUENCIES
from services.ingest.handlers import Door, take_delivery_event
from services.ingest.routes.asked import LOST, PAGE, Accepted, Asked
from shared.errors import Problem
from shared.problems import CONTENT, problems

log = structlog.get_logger()
MAX_FORM_BYTES = 32 * 1024
_REFUSED: dict[int | str, dict[str, Any]] = {
    **LOST,
    **problems(
        _400="Neither of the two forms; nothing was changed",
        _413="Larger than 32 kB",
        _415="Packed in another way than gzip",
    ),
    503: {
        "description": "Kafka did not take it in time; send it again",
        "content": CONTENT | PAGE["content"],
    },
}
_LIST: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
_FORMS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "anyOf": [{"required": ["List-Unsubscribe"]}, {"required": ["action"]}],
                    "properties": {
                        "List-Unsubscribe": {"const": "One-Click"},
                        "action": {"const": "preferences"},
                        "everything": {"const": "off"},
                        **dict.fromkeys(("was", "off", "on"), _LIST),
                        "frequency": {"enum": list(FREQUENCIES)},
                        "language": {"enum": list(LANGUAGES)},
                    },
                },
                "examples": {
                    "one-click": {"value": {"List-Unsubscribe": "One-Click"}},
                    "preferences": {
                        "value": {
                            "action": "preferences",
                            "was": ["newsletter"],
                            "off": ["cart-reminders"],
                            "on": ["cart-reminders"],
                            "frequency_was": "normal",
                            "frequency": "less",
                        }
                    },
                },
            }
        },
    }
}


def router(door: Door, desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["links in mails"], default_response_class=HTMLResponse)

    @routes.head("/u/{token}", include_in_schema=False)
    async def glance(token: str, lang: Asked = "", accept_language: Accepted = "") -> Response:
        language = chosen(lang, accepted=accept_language)
        claim = desk.claim(token)
        return pages.ask(desk.page(claim, language), None) if claim else pages.unknown(language)

    @routes.get("/u/{token}", summary="Unsubscribe or choose: the page", responses=LOST)
    async def look(token: str, lang: Asked = "", accept_language: Accepted = "") -> Response:
        """Scanners fetch links: this only shows buttons."""
        claim = desk.claim(token)
        if claim is None:
            return pages.unknown(chosen(lang, accepted=accept_language))
        found = await desk.choices.of(token)
        language = chosen(lang, found.locale if found else "", accepted=accept_language)
        left = found is not None and found.topics.get(claim.topic or "*") == "unsubscribed"
        present = desk.present(claim, found, language)
        return pages.ask(desk.page(claim, language), present, left=left)

    @routes.post(
        "/u/{token}",
        summary="One-click unsubscribe (RFC 8058), or the page's form",
        responses=_REFUSED,
        openapi_extra=_FORMS,
    )
    async def change(
        token: str, request: Request, lang: Asked = "", accept_language: Accepted = ""
    ) -> Response:
        """`List-Unsubscribe=One-Click` unsubscribes from the mail's topic; `action=preferences`
        changes what differs from what was shown. 200 when Kafka has it; no cookie, no redirect.
        """
        body = await whole_body(request, MAX_FORM_BYTES)
        language = chosen(lang, accepted=accept_language)
        claim = desk.claim(token)
        if claim is None:
            return pages.unknown(language)
        fields = _fields(request, body)
        if pages.ONE_CLICK in fields:
            gone = said(claim, "Unsubscribed", door.now(), topic=claim.topic, source="link")
            await take_delivery_event(door, gone)
            log.info("unsubscribed", workspace=claim.workspace, contact=claim.contact)
            return pages.left(desk.page(claim, language))
        if ACTION in fields:
            return await choose(door, desk, claim, (fields, language))
        raise Problem(
            400,
            "No form of this page",
            "Post List-Unsubscribe=One-Click, or action=preferences and what is to change.",
        )

    return routes


def _fields(request: Request, body: bytes) -> list[tuple[str, str]]:
    try:
        return fields_of(request.headers.get("content-type", ""), body)
    except TooManyFields as error:
        raise Problem(400, "No form of this page", f"body: {error}") from error
