"""Journey reports as CSV: one line a step, rates as fractions, nothing for 0/0."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from services.metrics.domain.report import JourneyReport, Rates, StepFigures

_COUNTS = ("reached", "sent", "failed", "delivered")
_MORE = ("complained", "unsubscribed", "converted", "orders")
_AGENTS = ("raw", "human", "machine", "total")
_TYPES = ("hard", "soft", "undetermined")


def as_csv(journeys: Sequence[JourneyReport]) -> str:
    """Columns do not depend on the numbers, but for one a currency."""
    currencies = sorted({c for j in journeys for c in j.totals.revenue})
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_header(currencies))
    for journey in journeys:
        for step in journey.steps:
            writer.writerow(_line(journey.journey, step, currencies))
    return out.getvalue()


def _header(currencies: Iterable[str]) -> list[str]:
    return [
        *("journey", "step", "variant", *_COUNTS, "skipped"),
        *(f"{name}_{agent}" for name in ("opened", "clicked") for agent in _AGENTS),
        *(f"bounced_{kind}" for kind in _TYPES),
        *_MORE,
        *(f"{name}_{c}" for name in ("revenue", "revenue_refunded") for c in currencies),
        *(f"{name}_rate" for name in Rates.__struct_fields__),
    ]


def _line(journey: str, step: StepFigures, currencies: Iterable[str]) -> list[Any]:
    rates = (getattr(step.rates, name).value for name in Rates.__struct_fields__)
    return [
        *(_text(value) for value in (journey, step.step, step.variant)),
        *(getattr(step, name) for name in _COUNTS),
        sum(step.skipped.values()),
        *(getattr(kind, agent) for kind in (step.opened, step.clicked) for agent in _AGENTS),
        *(getattr(step.bounced, kind) for kind in _TYPES),
        *(getattr(step, name) for name in _MORE),
        *(
            money.get(c, "0.00")
            for money in (step.revenue, step.revenue_refunded)
            for c in currencies
        ),
        *("" if value is None else value for value in rates),
    ]


def _text(value: str) -> str:
    """Nothing that a spreadsheet would take for a formula."""
    return f"'{value}" if value[:1] in "=+-@\t\r" and value else value
