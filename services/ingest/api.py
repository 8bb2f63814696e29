"""Everything but the hot routes: SES's notifications, unsubscribe links."""

from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from services.ingest import metrics, unsubscribe_page
from services.ingest.adapters.bodies import Disconnected, read_body
from services.ingest.adapters.sns import Sns
from services.ingest.domain import sns as messages
from services.ingest.domain.ses_events import Unreadable, delivery_event
from services.ingest.handlers import Door, take_delivery_event
from services.ingest.refusing import refusal
from shared.contracts import DeliveryEvent
from shared.errors import Problem
from shared.tokens import BadToken, UnsubscribeClaim, read_token

log = structlog.get_logger()
MAX_SNS_BYTES = 1024 * 1024  # SNS sends 256 kB, as JSON in JSON
MAX_FORM_BYTES = 10 * 1024
GONE = 499


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes stand on."""

    door: Door
    sns: Sns
    token_keys: list[str]


def add_routes(app: FastAPI, services: Services) -> None:
    """All routes of this service besides the operational ones and the edge's."""
    app.include_router(_notifications(services))
    app.include_router(_links(services))

    @app.exception_handler(Problem)
    async def refuse(_: Request, problem: Problem) -> JSONResponse:
        return refusal(problem)

    @app.exception_handler(Disconnected)
    async def gone(_: Request, __: Disconnected) -> Response:
        return Response(status_code=GONE)


def _notifications(services: Services) -> APIRouter:
    router = APIRouter(tags=["webhooks"])

    @router.post("/webhooks/ses", summary="SNS's messages about mails, signature checked")
    async def ses(request: Request) -> dict[str, str]:
        """200 only when Kafka has it; until then SNS repeats."""
        body = await _body(request, MAX_SNS_BYTES)
        try:
            envelope = messages.parse(body)
            await services.sns.verify(envelope)
        except messages.NotSns as error:
            raise Problem(400, "Not a message of SNS", str(error)) from error
        except messages.NotTrusted as error:
            log.warning("not trusted", reason=str(error))
            raise Problem(403, "Not trusted", str(error)) from error
        if envelope.type == "SubscriptionConfirmation":
            await services.sns.confirm(envelope)
            return {"taken": envelope.type}
        if envelope.type == "UnsubscribeConfirmation":
            log.warning("SNS was unsubscribed", topic=envelope.topic_arn)
            return {"taken": envelope.type}
        return {"taken": await _take(services.door, envelope)}

    return router


async def _take(door: Door, envelope: messages.Envelope) -> str:
    try:
        kind, event = delivery_event(envelope.message, door.now())
    except Unreadable as error:
        metrics.SES_EVENTS.labels("unreadable").inc()
        log.warning("unreadable", sns_message=envelope.message_id, reason=str(error))
        raise Problem(422, "Unreadable event of SES", str(error)) from error
    if event is not None:
        await take_delivery_event(door, event)
    metrics.SES_EVENTS.labels(kind).inc()
    return kind


def _links(services: Services) -> APIRouter:
    router = APIRouter(tags=["links in mails"])

    @router.api_route("/u/{token}", methods=["GET", "HEAD"], include_in_schema=False)
    async def look(token: str) -> Response:
        """Scanners fetch links: this only shows a button."""
        claim = _claim(services, token)
        return unsubscribe_page.ask(claim.topic) if claim else unsubscribe_page.unknown()

    @router.post("/u/{token}", summary="One-click unsubscribe (RFC 8058)")
    async def unsubscribe(token: str, request: Request) -> Response:
        """Form `List-Unsubscribe=One-Click`. 200 when Kafka has it; no cookie, no redirect."""
        body = await _body(request, MAX_FORM_BYTES)
        claim = _claim(services, token)
        if claim is None:
            return unsubscribe_page.unknown()
        if not _is_one_click(request.headers.get("content-type", ""), body):
            raise Problem(
                400, "Not a one-click request", "Post the form List-Unsubscribe=One-Click."
            )
        await take_delivery_event(services.door, _unsubscribed(claim, services.door))
        log.info("unsubscribed", workspace=claim.workspace, contact=claim.contact)
        return unsubscribe_page.done(claim.topic)

    return router


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


def _claim(services: Services, token: str) -> UnsubscribeClaim | None:
    try:
        return read_token(services.token_keys, token)
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


async def _body(request: Request, limit: int) -> bytes:
    return await read_body(request.receive, dict(request.scope["headers"]), limit)
