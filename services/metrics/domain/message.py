"""One mail to one contact: a row that only moves forward.

A row is what is known so far, and knowing more is `united`: earliest times, unions, so it is
commutative, associative and idempotent. The order in which facts arrive, and how often, cannot
matter; a late Delivered after a soft bounce is both, each in its own column.
"""

from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from services.metrics.domain.knowing import first, first_with_reason, latest, smallest
from services.metrics.domain.order import Won
from shared.contracts import DeliveryEvent, JourneyEvent
from shared.contracts.keys import message_id

MAX_COUNTED = 500
"""Opens (clicks) of one mail that are told apart; a mail with more counts as this many."""

MAX_CLICKS = 100
"""Newest times of human clicks kept for attribution."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """`contact` is who it belongs to now (merges move it), `won` the orders attributed to it;
    both are set by the book, all else by events. Times are business time.

    `opens`, `clicks`: digests of each distinct open and click.
    """

    workspace: str
    message: str
    contact: str
    journey: str = ""
    version: int = 0
    run: str = ""
    step: str = ""
    variant: str = ""
    template: str = ""
    topic: str = ""
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    opened_human_at: datetime | None = None
    opened_machine_at: datetime | None = None
    clicked_at: datetime | None = None
    clicked_human_at: datetime | None = None
    clicked_machine_at: datetime | None = None
    bounced_hard_at: datetime | None = None
    bounced_soft_at: datetime | None = None
    bounced_undetermined_at: datetime | None = None
    complained_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    skipped_at: datetime | None = None
    skipped_reason: str = ""
    failed_at: datetime | None = None
    failed_reason: str = ""
    opens: tuple[int, ...] = ()
    clicks: tuple[int, ...] = ()
    human_clicks: tuple[datetime, ...] = ()
    won: dict[str, Won] = {}

    @property
    def since(self) -> datetime | None:
        """Whose cohort it is: when it was sent; until that is known, the first that is known."""
        return self.sent_at or min(
            (at for at in (getattr(self, name) for name in TIMES) if at), default=None
        )


TIMES = tuple(name for name in Message.__struct_fields__ if name.endswith("_at"))
_SIMPLE_TIMES = tuple(name for name in TIMES if name not in ("skipped_at", "failed_at"))
_NAMES = ("journey", "version", "run", "step", "variant", "template", "topic")


def transition(row: Message, event: DeliveryEvent, verdict: str | None) -> Message:
    """The row after a delivery event of its message; a repeat changes nothing. Total."""
    known = msgspec.structs.replace(row, **_names(event), **_facts(event, verdict))
    return united(row, known)


def skipped(row: Message, event: JourneyEvent) -> Message:
    """The row of a mail that the orchestrator did not even ask for (`kind` is skipped)."""
    names = {name: getattr(event, name) for name in ("journey", "version", "run", "step")}
    marks = {"skipped_at": event.at, "skipped_reason": event.reason}
    known = msgspec.structs.replace(row, variant=event.variant, **names, **marks)
    return united(row, known)


def message_of(event: JourneyEvent) -> str:
    """The message that a skipped step would have sent."""
    return event.message or message_id(event.run, event.step)


def united(a: Message, b: Message) -> Message:
    """All that either knows. `contact` and `won` are a's."""
    changes: dict[str, Any] = {name: max(getattr(a, name), getattr(b, name)) for name in _NAMES}
    for name in _SIMPLE_TIMES:
        changes[name] = first(getattr(a, name), getattr(b, name))
    for kind in ("skipped", "failed"):
        at, reason = f"{kind}_at", f"{kind}_reason"
        changes[at], changes[reason] = first_with_reason(
            (getattr(a, at), getattr(a, reason)), (getattr(b, at), getattr(b, reason))
        )
    changes["opens"] = smallest(a.opens, b.opens, MAX_COUNTED)
    changes["clicks"] = smallest(a.clicks, b.clicks, MAX_COUNTED)
    changes["human_clicks"] = latest(a.human_clicks, b.human_clicks, MAX_CLICKS)
    return msgspec.structs.replace(a, **changes)


def _names(event: DeliveryEvent) -> dict[str, Any]:
    names = {name: getattr(event, name) for name in _NAMES}
    if event.event in ("Subscribed", "Unsubscribed"):
        del names["topic"]  # the one that was chosen, which need not be the mail's
    return names


def _facts(event: DeliveryEvent, verdict: str | None) -> dict[str, Any]:
    """Columns that the event fills. Delayed fills none: it says that nothing has happened yet;
    nor does what somebody chose on the page behind the mail's link.
    """
    match event.event:
        case "Delayed" | "Subscribed" | "PreferencesChanged":
            return {}
        case "Opened":
            return _engaged("opened", "opens", event, verdict)
        case "Clicked":
            human = {"human_clicks": (event.at,)} if verdict == "human" else {}
            return human | _engaged("clicked", "clicks", event, verdict)
        case "Skipped" | "Failed" | "Rejected":
            kind = "skipped" if event.event == "Skipped" else "failed"
            reason = event.reason or event.event.lower()
            return {f"{kind}_at": event.at, f"{kind}_reason": reason}
    bounced = event.event == "Bounced"
    name = f"bounced_{event.bounce or 'undetermined'}" if bounced else event.event.lower()
    return {f"{name}_at": event.at}


def _engaged(name: str, counted: str, event: DeliveryEvent, verdict: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = {f"{name}_at": event.at, counted: (_digest(event.fingerprint()),)}
    if verdict is not None:
        facts[f"{name}_{verdict}_at"] = event.at
    return facts


def _digest(fact: str) -> int:
    """52 bits: exact in every JSON reader."""
    return int.from_bytes(blake2b(fact.encode(), digest_size=8).digest()) >> 12
