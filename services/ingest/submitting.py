"""A submission published: who it is, and that the form was submitted. Both, or the caller knows."""

import structlog
import uuid_utils

from services.ingest import metrics
from services.ingest.domain.calls import Sender, understood
from services.ingest.domain.forms import Form, Submission, events_of
from services.ingest.handlers import Door
from services.ingest.taken import RETRY_AFTER
from shared.contracts import topics
from shared.errors import Problem

log = structlog.get_logger()


async def submit(door: Door, workspace: str, form: Form, version: int, posted: Submission) -> None:
    """When Kafka has it. Raises Problem 422 or 503."""
    events = events_of(form, version, posted, posted.id or _new_id())
    sender = sender_of(door, workspace, form)
    ready, refused = understood(events, sender)
    if refused:  # the domain cuts all to size: only its sum can be too large
        metrics.FORMS.labels("refused").inc()
        door.refusals.tell(sender, f"/v1/forms/{form.id}", refused, events)
        errors = [{"field": refused[0].field, "message": refused[0].message}]
        raise Problem(422, "Too much", refused[0].message, errors=errors)
    messages = [door.topics.address(topics.STORE_EVENTS, r.key, r.value) for r in ready]
    if await door.publisher.publish(messages):
        metrics.FORMS.labels("unavailable").inc()
        detail = f"Send it again in {RETRY_AFTER} seconds."
        raise Problem(503, "Not kept", detail, retry_after=RETRY_AFTER)
    metrics.FORMS.labels("accepted").inc()
    metrics.ACCEPTED.inc(len(ready))
    log.info("form submitted", workspace=workspace, form=form.id, agreed=posted.agreed)


def sender_of(door: Door, workspace: str, form: Form) -> Sender:
    """The form itself: a visitor has no key."""
    return Sender(workspace, door.now(), _new_id, via=f"form/{form.id}")


def _new_id() -> str:
    return str(uuid_utils.uuid7())
