"""What a delivery event says about an address: suppressed at once, or points towards it."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from services.sender.domain.permission import EVERYTHING, MARKETING, UNSUBSCRIBED, Lift, Suppression
from shared.contracts import DeliveryEvent

LIMIT = 5.0
"""Points without a delivery between at which an address is given up."""

NOT_THE_CONTACTS_FAULT = frozenset(
    {"ContentRejected", "MessageTooLarge", "AttachmentRejected", "OutOfOffice"}
)


class Bounces(msgspec.Struct, frozen=True, kw_only=True):
    """The soft bounces of an address: day (ISO) -> [when, points], at most one point a day.

    A repeat falls on a day that has its point, so it changes nothing.
    """

    workspace: str
    address: str
    days: dict[str, tuple[datetime, float]] = {}
    delivered_at: datetime | None = None

    @property
    def points(self) -> float:
        return sum(points for _, points in self.days.values())


def bounced(state: Bounces, at: datetime, points: float) -> Bounces:
    """With one more soft bounce; nothing if a delivery is later."""
    if state.delivered_at is not None and at <= state.delivered_at:
        return state
    day = at.date().isoformat()
    known_at, known = state.days.get(day, (at, 0.0))
    return msgspec.structs.replace(
        state, days={**state.days, day: (max(at, known_at), max(points, known))}
    )


def delivered(state: Bounces, at: datetime) -> Bounces:
    """A delivery clears what was before it."""
    if state.delivered_at is not None and at <= state.delivered_at:
        return state
    later = {day: bounce for day, bounce in state.days.items() if bounce[0] > at}
    return msgspec.structs.replace(state, days=later, delivered_at=at)


def soft_points(event: DeliveryEvent) -> float:
    """1 for a soft bounce, half for an undetermined one, 0 for what is not the contact's fault."""
    if event.event != "Bounced" or event.bounce_detail in NOT_THE_CONTACTS_FAULT:
        return 0.0
    return {"soft": 1.0, "undetermined": 0.5}.get(event.bounce, 0.0)


def suppressions(event: DeliveryEvent, address: str) -> Iterable[Suppression]:
    """What the event forbids at once."""
    forbidden = {
        ("Bounced", "hard"): (EVERYTHING, "hard_bounce"),
        ("Complained", ""): (EVERYTHING, "complaint"),
        ("Unsubscribed", ""): (event.topic or MARKETING, UNSUBSCRIBED),
    }.get((event.event, event.bounce))
    if forbidden is None or "not-spam" in (event.reason, event.bounce_detail):
        return
    topic, reason = forbidden
    yield Suppression(
        workspace=event.workspace, address=address, topic=topic, reason=reason, at=event.at
    )


def lifts(event: DeliveryEvent, address: str) -> Iterable[Lift]:
    """What the event allows again."""
    if event.event == "Subscribed":
        topic = event.topic or MARKETING
        yield Lift(workspace=event.workspace, address=address, topic=topic, at=event.at)


def given_up(state: Bounces, at: datetime) -> Iterable[Suppression]:
    """The address's suppression once its points are full."""
    if state.points >= LIMIT:
        yield Suppression(
            workspace=state.workspace,
            address=state.address,
            topic=EVERYTHING,
            reason="soft_bounces",
            at=at,
        )
