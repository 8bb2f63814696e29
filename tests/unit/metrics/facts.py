"""Events by hand, short: who did what when (hours from noon)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts import (
    ContactEvent,
    ContactsMerged,
    DeliveryEvent,
    Event,
    JourneyEvent,
    Profile,
)
from shared.contracts.keys import message_id

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
JOURNEY = "abandoned-cart"


def after(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def mail(
    contact: str,
    run: str,
    event: Any,
    hours: float = 0.0,
    *,
    step: str = "reminder",
    variant: str = "",
    by: Any = None,
    workspace: str = "default",
    **more: Any,
) -> ContactEvent:
    """A delivery event; `by`: human or machine."""
    delivery = DeliveryEvent(
        workspace=workspace,
        contact=contact,
        message=message_id(run, step),
        event=event,
        at=after(hours),
        received_at=after(hours),
        **{"journey": JOURNEY, "run": run, "step": step, "variant": variant, **more},
    )
    return ContactEvent(
        workspace=workspace,
        contact=contact,
        profile=Profile(version=1),
        delivery=delivery,
        verdict=by,
    )


def shop(
    contact: str,
    name: str,
    hours: float,
    ident: str = "",
    workspace: str = "default",
    **properties: Any,
) -> ContactEvent:
    """A store event."""
    event = Event(
        message_id=ident or f"{contact}/{name}/{hours}/{properties.get('order_id', '')}",
        kind="track",
        name=name,
        at=after(hours),
        received_at=after(hours),
        properties=properties,
    )
    return ContactEvent(
        workspace=workspace, contact=contact, profile=Profile(version=1), event=event
    )


def order(
    contact: str, order_id: str, hours: float, revenue: Any = "50.00", **more: Any
) -> ContactEvent:
    """An order in euros."""
    given = {"order_id": order_id, "revenue": revenue, "currency": "EUR"}
    return shop(contact, "Order Completed", hours, **given, **more)


def merge(
    loser: str, winner: str, hours: float = 0.0, workspace: str = "default"
) -> ContactsMerged:
    return ContactsMerged(workspace=workspace, loser=loser, winner=winner, at=after(hours))


def told(
    contact: str,
    run: str,
    kind: Any,
    hours: float = 0.0,
    *,
    workspace: str = "default",
    **more: Any,
) -> JourneyEvent:
    """What the orchestrator says of a run."""
    return JourneyEvent(
        workspace=workspace,
        contact=contact,
        run=run,
        kind=kind,
        at=after(hours),
        **{"journey": JOURNEY, "version": 1, **more},
    )
