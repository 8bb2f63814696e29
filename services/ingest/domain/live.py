"""The live view: store events and refusals as one list, and which of them somebody asks for."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import msgspec

from shared.contracts import ProductChanged, RefusedEvent, StockChanged, StoreEvent
from shared.contracts.events import Origin
from shared.contracts.wire import BadCall, Call, decode, email_of

from .public import PREFIX, unused
from .validation import doubts

Outcome = Literal["accepted", "refused"]
Shown = StoreEvent | ProductChanged | StockChanged | RefusedEvent


@dataclass(frozen=True, slots=True)
class Doubt:
    """What of an accepted event does not work as it was meant."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as it came. `type`: track, identify, …, or product and stock, named by their ids.

    `field` and `message` say why it was refused. Whom it names, and its `warnings`, are said of
    accepted ones only: a refused one is not kept.
    """

    received_at: datetime
    outcome: Outcome
    via: str
    message_id: str
    type: str
    name: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    email: str = ""
    origin: Origin = "live"
    route: str = ""
    field: str = ""
    message: str = ""
    warnings: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of one workspace, those with all that is not empty here."""

    workspace: str
    via: str = ""
    outcome: Outcome | None = None
    name: str = ""
    user_id: str = ""
    email: str = ""
    message_id: str = ""

    def of(self, workspace: str) -> "Wanted":
        return replace(self, workspace=workspace)

    def takes(self, message: Shown) -> bool:
        """As far as can be told before the event itself is read."""
        return (
            message.workspace == self.workspace
            and self.via in ("", message.via)
            and self.message_id in ("", message.message_id, message.message_id.removeprefix(PREFIX))
        )

    def fits(self, seen: Seen) -> bool:
        return (
            self.name in ("", seen.name)
            and self.user_id in ("", seen.user_id)
            and self.email.casefold() in ("", seen.email.casefold())
        )


def seen(message: Shown) -> Seen:
    """As it is shown."""
    if isinstance(message, RefusedEvent):
        return _refused(message)
    if isinstance(message, StoreEvent):
        return _accepted(message)
    if isinstance(message, ProductChanged):
        return _of_catalogue(message, "product", message.product)
    return _of_catalogue(message, "stock", message.item)


def _of_catalogue(message: ProductChanged | StockChanged, kind: str, name: str) -> Seen:
    at = message.received_at
    return Seen(at, "accepted", message.via, message.message_id, kind, name)


def _refused(message: RefusedEvent) -> Seen:
    return Seen(
        message.received_at,
        "refused",
        message.via,
        message.message_id,
        message.kind,
        message.name,
        route=message.route,
        field=message.field,
        message=message.message,
    )


def _accepted(stored: StoreEvent) -> Seen:
    call = _call(stored)
    if call is None:
        return Seen(stored.received_at, "accepted", stored.via, stored.message_id, "")
    return Seen(
        stored.received_at,
        "accepted",
        stored.via,
        stored.message_id,
        call.type,
        call.event or "",
        _text(call.user_id),
        _text(call.anonymous_id),
        email_of(call),
        stored.origin,
        warnings=tuple(Doubt(d.field, d.message) for d in _doubts(stored, call)),
    )


def _doubts(stored: StoreEvent, call: Call) -> list[BadCall]:
    """As the sender was told, who may not have looked."""
    return doubts(call) + (unused(call) if stored.public else [])


def _call(stored: StoreEvent) -> Call | None:
    """None: it is there, by whatever wrote it, and cannot be read."""
    try:
        return decode(stored.event)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _text(value: str | int | None) -> str:
    return "" if value is None else str(value)
