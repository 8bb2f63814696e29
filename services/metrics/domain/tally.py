"""What each row adds to the numbers; and from a row before and after, what is to be added.

Two kinds of sums come of it. `hours` are net and belong to reports: a row's contribution moves
with it. `gained` and `lost` only rise and belong to Prometheus: gained - lost is the same number.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from services.metrics.domain.contact import Contact
from services.metrics.domain.message import Message
from services.metrics.domain.run import Run
from shared.conditions.values import EXACT

ONE, NONE = Decimal(1), Decimal(0)


class Label(NamedTuple):
    """What is counted. `detail`: a reason, a bounce's type, an agent, a currency, or nothing."""

    workspace: str
    journey: str
    step: str
    variant: str
    name: str
    detail: str = ""


class Hour(NamedTuple):
    """A label in one hour of business time. Mails: of when it was sent; else: of the fact."""

    label: Label
    hour: datetime


Part = tuple[Label, datetime, Decimal]


def hour_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(slots=True)
class Tally:
    """Sums to be added to the tables."""

    hours: dict[Hour, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    gained: dict[Label, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    lost: dict[Label, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def note(self, before: Iterable[Part], after: Iterable[Part]) -> None:
        """One row's contribution has changed."""
        net: dict[Label, Decimal] = defaultdict(Decimal)
        for parts, sign in ((before, -ONE), (after, ONE)):
            for label, at, value in parts:
                change = EXACT.multiply(sign, value)
                hour = Hour(label, hour_of(at))
                self.hours[hour] = EXACT.add(self.hours[hour], change)
                net[label] = EXACT.add(net[label], change)
        for label, change in net.items():
            side = self.gained if change > 0 else self.lost
            if change:
                side[label] = EXACT.add(side[label], abs(change))


_ONCE = (
    ("sent_at", "sent", ""),
    ("delivered_at", "delivered", ""),
    ("opened_at", "opened", "raw"),
    ("opened_human_at", "opened", "human"),
    ("opened_machine_at", "opened", "machine"),
    ("clicked_at", "clicked", "raw"),
    ("clicked_human_at", "clicked", "human"),
    ("clicked_machine_at", "clicked", "machine"),
    ("bounced_hard_at", "bounced", "hard"),
    ("bounced_soft_at", "bounced", "soft"),
    ("bounced_undetermined_at", "bounced", "undetermined"),
    ("complained_at", "complained", ""),
    ("unsubscribed_at", "unsubscribed", ""),
    ("failed_at", "failed", ""),
)


def of_message(m: Message | None) -> Iterator[Part]:
    """A mail counts once in each column, in the hour in which it was sent."""
    if m is None or (at := m.since) is None:
        return
    for name, detail, value in _of_message(m):
        yield Label(m.workspace, m.journey, m.step, m.variant, name, detail), at, value


def _of_message(m: Message) -> Iterator[tuple[str, str, Decimal]]:
    for column, name, detail in _ONCE:
        if getattr(m, column) is not None:
            yield name, detail, ONE
    if m.skipped_at is not None and m.sent_at is None and m.failed_at is None:
        yield "skipped", m.skipped_reason, ONE
    for name, found in (("opened", m.opens), ("clicked", m.clicks)):
        if found:
            yield name, "total", Decimal(len(found))
    if m.won:
        yield "converted", "", ONE
        yield "orders", "", Decimal(len(m.won))
    for won in m.won.values():
        if won.currency:
            yield "revenue", won.currency, won.amount
            yield "refunded", won.currency, won.refunded


def of_run(r: Run | None) -> Iterator[Part]:
    """Each fact in its own hour."""
    if r is None:
        return
    whole = Label(r.workspace, r.journey, "", "", "")
    if r.entered_at is not None:
        yield whole._replace(name="entered"), r.entered_at, ONE
    if r.exited_at is not None:
        yield whole._replace(name="exited", detail=r.exit_reason), r.exited_at, ONE
    if r.goal_at is not None:
        yield whole._replace(name="goals"), r.goal_at, ONE
    for name, step in r.steps.items():
        label = Label(r.workspace, r.journey, name, step.variant, "reached")
        yield label, step.reached_at, ONE


def of_contact(c: Contact | None) -> Iterator[Part]:
    """A person counts once, since the contact that stayed was seen."""
    if c is not None and not c.merged_into:
        yield Label(c.workspace, "", "", "", "contacts"), c.first_at, ONE


def of_event(workspace: str, at: datetime) -> Iterator[Part]:
    yield Label(workspace, "", "", "", "events"), at, ONE


def of_refusal(workspace: str, journey: str, reason: str, at: datetime) -> Iterator[Part]:
    yield Label(workspace, journey, "", "", "refused", reason), at, ONE
