"""Calls for the tests: what a shop sends, and what breaks it."""

import json
from datetime import UTC, datetime
from typing import Any

from services.ingest.domain.calls import Ready, Remark, Sender, understood

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sender(workspace: str = "default") -> Sender:
    return Sender(workspace, NOW, lambda: "made-here")


def track(**fields: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Viewed",
        "userId": "u-1",
        "messageId": "m-1",
    } | fields


def order(**properties: Any) -> dict[str, Any]:
    paid = {"order_id": "o-1", "total": 19.9, "currency": "EUR"} | properties
    return track(event="Order Completed", properties=paid)


def consent(said: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": "u-1", "traits": {"consent": said}}


def take(*events: Any) -> tuple[list[Ready], list[Remark]]:
    raw = [e if isinstance(e, bytes) else json.dumps(e).encode() for e in events]
    return understood(raw, sender())


def refused(event: Any) -> Remark:
    """The one refusal of the one event."""
    ready, refusals = take(event)
    assert ready == []
    assert len(refusals) == 1
    return refusals[0]
