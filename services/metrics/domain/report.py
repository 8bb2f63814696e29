"""Sums into reports: what each number is, and which numbers a rate is made of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from services.metrics.domain.journey_shape import ShapeStep
from shared.conditions.values import EXACT

Sums = Mapping[tuple[str, str], Decimal]
"""By (name, detail), as `tally` names them."""

StepKey = tuple[str, str]  # step, variant


class Rate(msgspec.Struct, frozen=True):
    """0/0 is null: nothing is known, which is not nothing."""

    value: float | None
    numerator: int
    denominator: int


class Engagement(msgspec.Struct, frozen=True):
    """Mails opened (clicked) by anybody, by a person, by a machine; `total` counts every time."""

    raw: int
    human: int
    machine: int
    total: int


class Bounced(msgspec.Struct, frozen=True):
    hard: int
    soft: int
    undetermined: int


class Rates(msgspec.Struct, frozen=True):
    delivery: Rate
    open: Rate
    open_raw: Rate
    click: Rate
    click_raw: Rate
    click_to_open: Rate
    conversion: Rate
    conversion_per_delivered: Rate
    hard_bounce: Rate
    soft_bounce: Rate
    complaint: Rate
    unsubscribe: Rate


class Figures(msgspec.Struct, frozen=True):
    """A step's mails, or a journey's. `reached`: runs that came past the step."""

    reached: int
    sent: int
    skipped: dict[str, int]
    failed: int
    delivered: int
    opened: Engagement
    clicked: Engagement
    bounced: Bounced
    complained: int
    unsubscribed: int
    converted: int
    orders: int
    revenue: dict[str, str]
    revenue_refunded: dict[str, str]
    rates: Rates


class StepFigures(Figures, frozen=True):
    step: str = ""
    variant: str = ""
    kind: str = ""


class JourneyReport(msgspec.Struct, frozen=True):
    journey: str
    entered: int
    refused: dict[str, int]
    exited: dict[str, int]
    goals: int
    revenue: dict[str, str]
    totals: Figures
    steps: list[StepFigures]


class Period(msgspec.Struct, frozen=True):
    """Whole hours; None: no limit."""

    since: datetime | None = None
    until: datetime | None = None


class Report(msgspec.Struct, frozen=True):
    workspace: str
    generated_at: datetime
    period: Period
    journeys: list[JourneyReport]


def journey_report(
    journey: str,
    shape: Iterable[ShapeStep],
    sums: Mapping[StepKey, Sums],
    currencies: Sequence[str],
) -> JourneyReport:
    """Steps as they stand in the file, then those that were in an earlier version."""
    whole = sums.get(("", ""), {})
    kinds = {(step.step, step.variant): step.kind for step in shape}
    others = sorted(key for key in sums if key not in kinds and key != ("", ""))
    together: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    steps = []
    for step, variant in [*kinds, *others]:
        ours = sums.get((step, variant), {})
        for key, value in ours.items():
            together[key] = EXACT.add(together[key], value)
        kind = kinds.get((step, variant), "")
        figures = msgspec.structs.asdict(_figures(ours, currencies))
        steps.append(StepFigures(**figures, step=step, variant=variant, kind=kind))
    totals = _figures(together, currencies)
    return JourneyReport(
        journey=journey,
        entered=_count(whole, "entered"),
        refused=_by_detail(whole, "refused"),
        exited=_by_detail(whole, "exited"),
        goals=_count(whole, "goals"),
        revenue=totals.revenue,
        totals=totals,
        steps=steps,
    )


def _figures(sums: Sums, currencies: Sequence[str]) -> Figures:
    opened, clicked = _engagement(sums, "opened"), _engagement(sums, "clicked")
    bounced = Bounced(*(_count(sums, "bounced", kind) for kind in Bounced.__struct_fields__))
    names = ("reached", "sent", "failed", "delivered", "complained", "unsubscribed", "converted")
    counts = {name: _count(sums, name) for name in (*names, "orders")}
    return Figures(
        **counts,
        skipped=_by_detail(sums, "skipped"),
        opened=opened,
        clicked=clicked,
        bounced=bounced,
        revenue=_money(sums, "revenue", currencies),
        revenue_refunded=_money(sums, "refunded", currencies),
        rates=_rates(counts, opened, clicked, bounced),
    )


def _rates(counts: Mapping[str, int], opened: Engagement, clicked: Engagement, b: Bounced) -> Rates:
    sent, delivered, converted = counts["sent"], counts["delivered"], counts["converted"]
    return Rates(
        delivery=rate(delivered, sent),
        open=rate(opened.human, delivered),
        open_raw=rate(opened.raw, delivered),
        click=rate(clicked.human, delivered),
        click_raw=rate(clicked.raw, delivered),
        click_to_open=rate(clicked.human, opened.human),
        conversion=rate(converted, clicked.human),
        conversion_per_delivered=rate(converted, delivered),
        hard_bounce=rate(b.hard, sent),
        soft_bounce=rate(b.soft, sent),
        complaint=rate(counts["complained"], delivered),
        unsubscribe=rate(counts["unsubscribed"], delivered),
    )


def rate(numerator: int, denominator: int) -> Rate:
    return Rate(numerator / denominator if denominator else None, numerator, denominator)


def _count(sums: Sums, name: str, detail: str = "") -> int:
    return int(sums.get((name, detail), 0))


def _by_detail(sums: Sums, name: str) -> dict[str, int]:
    found = {detail: int(value) for (of, detail), value in sums.items() if of == name and value}
    return dict(sorted(found.items()))


def _engagement(sums: Sums, name: str) -> Engagement:
    return Engagement(*(_count(sums, name, kind) for kind in Engagement.__struct_fields__))


def _money(sums: Sums, name: str, currencies: Sequence[str]) -> dict[str, str]:
    found = dict.fromkeys(currencies, Decimal(0))
    found |= {detail: value for (of, detail), value in sums.items() if of == name}
    return {currency: money(value) for currency, value in sorted(found.items())}


def money(value: Decimal) -> str:
    """Exact, with at least two decimals."""
    whole, _, decimals = f"{value:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


class Overview(msgspec.Struct, frozen=True):
    """A workspace in one look; mails by people, as reports count them."""

    workspace: str
    generated_at: datetime
    period: Period
    events: int
    contacts: int
    runs: int
    goals: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    converted: int
    orders: int
    unsubscribed: int
    revenue: dict[str, str]
    revenue_refunded: dict[str, str]


def overview(
    workspace: str, at: datetime, period: Period, sums: Sums, currencies: Sequence[str]
) -> Overview:
    """`sums` over all journeys and steps."""
    figures = _figures(sums, currencies)
    return Overview(
        workspace=workspace,
        generated_at=at,
        period=period,
        events=_count(sums, "events"),
        contacts=_count(sums, "contacts"),
        runs=_count(sums, "entered"),
        goals=_count(sums, "goals"),
        sent=figures.sent,
        delivered=figures.delivered,
        opened=figures.opened.human,
        clicked=figures.clicked.human,
        converted=figures.converted,
        orders=figures.orders,
        unsubscribed=figures.unsubscribed,
        revenue=figures.revenue,
        revenue_refunded=figures.revenue_refunded,
    )
