"""What profile keeps of one contact: everything its snapshots and its segments are made from."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from shared.conditions import AggregateState
from shared.contracts import Consent, DeliveryEvent
from shared.engagement import MessageContext


class Given(msgspec.Struct, frozen=True, array_like=True):
    """A trait or a fact as the shop gave it, when, by which message. None: it was taken away.

    `chosen`: by the contact, on the preference page.
    """

    value: Any
    at: datetime
    by: str
    chosen: bool = False


class Placed(msgspec.Struct, frozen=True, array_like=True):
    """The Order Completed that counts; `currency` is empty where there is no amount to sum."""

    at: datetime
    by: str
    amount: Decimal
    currency: str


Words = tuple[Consent, ...]
"""Of one box and topic, in the order of time."""
Box = dict[str, Words]
Boxes = dict[str, Box]


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that was said of one order, in whatever order it was said.

    `at` is the newest of it. A refund of None is all of the order.
    """

    at: datetime
    placed: Placed | None = None
    cancelled: bool = False
    refunds: dict[str, Decimal | None] = {}


class Totals(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sums over orders that were not cancelled; by currency: revenue less refunds, and orders."""

    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    revenue: dict[str, Decimal] = {}
    counts: dict[str, int] = {}


class Orders(msgspec.Struct, frozen=True, omit_defaults=True):
    """`recent` by order id; what no longer fits is settled; `totals` are both together."""

    recent: dict[str, Order] = {}
    settled: Totals = Totals()
    totals: Totals = Totals()


class Mail(msgspec.Struct, frozen=True):
    """What judges the opens and clicks of one message; `at` is the newest word of it."""

    at: datetime
    context: MessageContext


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """When the contact was first and last there; opens and clicks of people only."""

    first: datetime | None = None
    active: datetime | None = None
    opened: datetime | None = None
    clicked: datetime | None = None


class ContactState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One contact. JSON and back is loss-free.

    `consent` is what was said but for what `boxes` said; what holds is `boxes.holding`.
    `version` counts its changes of address, consent and merging. `clock` is the business time up
    to which its segments are answered, `due` when an answer may change next. `kept` tells which
    aggregates are kept, `segments_revision` the newest segment that was ever answered.
    `early_clicks` wait for their mail's delivery, by fingerprint in the order in which they came.
    With `merged_into` it is a redirect and holds nothing else.
    """

    workspace: str
    contact: str
    version: int = 0
    given: dict[str, Given] = {}
    consent: dict[str, Consent] = {}
    boxes: Boxes = {}
    orders: Orders = Orders()
    seen: Seen = Seen()
    mails: dict[str, Mail] = {}
    early_clicks: dict[str, DeliveryEvent] = {}
    aggregates: dict[str, AggregateState] = {}
    kept: str = ""
    segments: dict[str, datetime] = {}
    segments_revision: int = 0
    clock: datetime | None = None
    due: datetime | None = None
    merged_into: str = ""
    merged_from: tuple[str, ...] = ()


_decoder = msgspec.json.Decoder(ContactState, float_hook=Decimal)


def decode(data: str | bytes) -> ContactState:
    """The state from its JSON."""
    return _decoder.decode(data)


def unpack(data: dict[str, Any]) -> ContactState:
    """The state from plain data, as it travels in a ProfileHandedOver."""
    return msgspec.convert(data, ContactState)


def earliest(*times: datetime | None) -> datetime | None:
    """The first of those that are known."""
    return min((t for t in times if t is not None), default=None)


def latest(*times: datetime | None) -> datetime | None:
    """The last of those that are known."""
    return max((t for t in times if t is not None), default=None)
