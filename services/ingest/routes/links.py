"""The links in mails: one-click unsubscribe."""

from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request, Response

from services.ingest import unsubscribe_page
from services.ingest.adapters.bodies import whole_body
from services.ingest.handlers import Door, take_delivery_event
from shared.contracts import DeliveryEvent
from shared.errors import Problem
from shared.tokens import BadToken, UnsubscribeClaim, read_token

log = structlog.get_logger()
MAX_FORM_BYTES = 10 * 1024


def router(door: Door, token_keys: list[str]) -> APIRouter:
    routes = APIRouter(tags=["links in mails"])

    @routes.api_route("/u/{token}", methods=["GET", "HEAD"], include_in_schema=False)
    async def look(token: str) -> Response:
        """Scanners fetch links: this only shows a button."""
        claim = _claim(token_keys, token)
        return unsubscribe_page.ask(claim.topic) if claim else unsubscribe_page.unknown()

    @routes.post("/u/{token}", summary="One-click unsubscribe (RFC 8058)")
    async def unsubscribe(token: str, request: Request) -> Response:
        """Form `List-Unsubscribe=One-Click`. 200 when Kafka has it; no cookie, no redirect."""
        body = await whole_body(request, MAX_FORM_BYTES)
        claim = _claim(token_keys, token)
        if claim is None:
            return unsubscribe_page.unknown()
        if not _is_one_click(request.headers.get("content-type", ""), body):
            raise Problem(
                400, "Not a one-click request", "Post the form List-Unsubscribe=One-Click."
            )
        await take_delivery_event(door, _unsubscribed(claim, door))
        log.info("unsubscribed", workspace=claim.workspace, contact=claim.contact)
        return unsubscribe_page.done(claim.topic)

    return routes


def _unsubscribed(claim: UnsubscribeClaim, door: Door) -> DeliveryEvent:
    now = door.now()
    return DeliveryEvent(
        workspace=claim.workspace,
        contact=claim.contact,
        message=claim.message,
        event="Unsubscribed",
        at=now,
        received_at=now,
        journey=claim.journey,
        version=claim.version,
        run=claim.run,
        step=claim.step,
        variant=claim.variant,
        topic=claim.topic,
        source="link",
        method="POST",
    )


def _claim(token_keys: list[str], token: str) -> UnsubscribeClaim | None:
    try:
        return read_token(token_keys, token)
    except BadToken:
        return None


def _is_one_click(content_type: str, body: bytes) -> bool:
    """RFC 8058 allows both encodings of a form."""
    if not content_type.lower().startswith("multipart/form-data"):
        fields = parse_qsl(body.decode("utf-8", "replace").strip(), max_num_fields=50)
        return unsubscribe_page.ONE_CLICK in fields
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    form = BytesParser(policy=HTTP).parsebytes(head + body)
    return any(_field(part) == unsubscribe_page.ONE_CLICK for part in form.walk())


def _field(part: Message) -> tuple[str, str]:
    name = part.get_param("name", header="content-disposition")
    return str(name), str(part.get_payload()).strip()
