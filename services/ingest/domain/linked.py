"""What is said through a link of a mail: by whom, in which mail, at which step. Pure."""

from datetime import datetime
from typing import Any

from shared.contracts import DeliveryEvent
from shared.contracts.events import DeliveryType
from shared.tokens import ConfirmClaim, UnsubscribeClaim

_OF_THE_MAIL = ("workspace", "contact", "message", "journey", "version", "run", "step", "variant")


def said(
    claim: UnsubscribeClaim | ConfirmClaim, event: DeliveryType, now: datetime, **more: Any
) -> DeliveryEvent:
    """`more`: the event's other fields, such as its `topic` and `source`."""
    mail = {name: getattr(claim, name) for name in _OF_THE_MAIL}
    return DeliveryEvent(event=event, at=now, received_at=now, method="POST", **mail, **more)
