"""SES's notifications by HTTPS: SNS's messages, signature checked."""

from typing import Any

import structlog
from fastapi import APIRouter, Request

from services.ingest import metrics
from services.ingest.adapters.bodies import whole_body
from services.ingest.adapters.sns import Sns
from services.ingest.domain import sns as messages
from services.ingest.domain.ses_events import Unreadable, delivery_event
from services.ingest.handlers import Door, take_delivery_event
from shared.errors import Problem
from shared.problems import problems

log = structlog.get_logger()
MAX_SNS_BYTES = 1024 * 1024  # SNS sends 256 kB, as JSON in JSON


_REFUSED = problems(
    _400="Not a message of SNS",
    _403="Not of a listed topic, or not by Amazon's certificate",
    _413="Too large",
    _422="Not as SES documents it",
    _503="Kafka did not take it in time, or the certificate cannot be fetched",
)
_MESSAGE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "example": '{"Type": "Notification", "TopicArn": "arn:aws:sns:…", …}',
            }
        },
    }
}


def router(door: Door, sns: Sns) -> APIRouter:
    routes = APIRouter(tags=["webhooks"])

    @routes.post(
        "/webhooks/ses",
        summary="SNS's messages about mails, signature checked",
        responses=_REFUSED,
        openapi_extra=_MESSAGE,
    )
    async def ses(request: Request) -> dict[str, str]:
        """200 only when Kafka has it; until then SNS repeats."""
        body = await whole_body(request, MAX_SNS_BYTES)
        try:
            envelope = messages.parse(body)
            await sns.verify(envelope)
        except messages.NotSns as error:
            raise Problem(400, "Not a message of SNS", str(error)) from error
        except messages.NotTrusted as error:
            log.warning("not trusted", reason=str(error))
            raise Problem(403, "Not trusted", str(error)) from error
        if envelope.type == "SubscriptionConfirmation":
            await sns.confirm(envelope)
            return {"taken": envelope.type}
        if envelope.type == "UnsubscribeConfirmation":
            log.warning("SNS was unsubscribed", topic=envelope.topic_arn)
            return {"taken": envelope.type}
        return {"taken": await _take(door, envelope)}

    return routes


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
