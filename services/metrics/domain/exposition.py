"""Labels and sums into what Prometheus is shown: counters that never fall, labels that are few.

Every mail's step of a running journey is there from 0 on, for `increase` of a series that first
appears at 5 is 0. What is beyond the bounds goes to `other`; what was there first keeps its name
for ever, so that no series falls because another came.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from services.metrics.domain.journey_shape import Shape
from services.metrics.domain.tally import NONE, Label

MAX_STEPS = 1000
"""Different (workspace, journey, step, variant)."""

MAX_DETAILS = 50
"""Different reasons or currencies of one metric."""

OTHER = "other"
STEP = ("workspace", "journey", "step", "variant")
JOURNEY = ("workspace", "journey")
WORKSPACE = ("workspace",)
SKIPS = (
    *("frequency_capped", "quiet_hours", "left_audience", "missing_email", "suppressed"),
    *("unsubscribed", "no_consent", "template_error", "expired", "converted", "holdout"),
    *("journey_paused", "over_send_limit", "profile_deleted", "invalid_from"),
    *("external_data_error", "too_old", "merged"),
)


class Metric(NamedTuple):
    """How a name of `tally` is exposed. `details`: those that are there from 0 on."""

    name: str
    help: str
    labels: tuple[str, ...] = STEP
    detail: str = ""
    details: tuple[str, ...] = ("",)


AGENTS = ("human", "machine")
TYPES = ("hard", "soft", "undetermined")
METRICS = {
    "sent": Metric("tuvi_messages_sent", "Mails that SES took."),
    "delivered": Metric("tuvi_messages_delivered", "Mails delivered."),
    "failed": Metric("tuvi_messages_failed", "Mails that SES refused for good."),
    "opened": Metric("tuvi_messages_opened", "Mails opened.", detail="agent", details=AGENTS),
    "clicked": Metric("tuvi_messages_clicked", "Mails clicked.", detail="agent", details=AGENTS),
    "bounced": Metric("tuvi_messages_bounced", "Mails bounced.", detail="type", details=TYPES),
    "complained": Metric("tuvi_messages_complained", "Mails complained of."),
    "unsubscribed": Metric("tuvi_messages_unsubscribed", "Mails unsubscribed from."),
    "converted": Metric("tuvi_messages_converted", "Mails that won an order."),
    "orders": Metric("tuvi_attributed_orders", "Orders won by mails."),
    "revenue": Metric("tuvi_revenue", "Money of orders won, as ordered.", detail="currency"),
    "refunded": Metric("tuvi_revenue_refunded", "Money of it given back.", detail="currency"),
    "reached": Metric("tuvi_journey_steps_reached", "Runs that came past a step."),
    "skipped": Metric(
        "tuvi_messages_skipped", "Mails not sent, and why.", JOURNEY, "reason", SKIPS
    ),
    "entered": Metric("tuvi_journey_runs_entered", "Runs begun.", JOURNEY),
    "refused": Metric(
        "tuvi_journey_runs_refused", "Triggers that began no run.", JOURNEY, "reason", SKIPS
    ),
    "exited": Metric("tuvi_journey_runs_exited", "Runs ended, and why.", JOURNEY, "reason"),
    "goals": Metric("tuvi_journey_goals", "Runs that reached their goal.", JOURNEY),
    "events": Metric("tuvi_store_events_counted", "Store events.", WORKSPACE),
}
CORRECTIONS = Metric(
    "tuvi_corrections", "To be subtracted: what a counter has counted and was put right."
)
CORRECTION_LABELS = (*STEP, "counter", "detail")
T = TypeVar("T")
Series = dict[tuple[str, ...], Decimal]
"""By label values, in the order of `Metric.labels` and then `Metric.detail`."""


class Counted(NamedTuple):
    """A label's two sums: both only rise, gained - lost is the number."""

    label: Label
    gained: Decimal
    lost: Decimal


class Exposed(NamedTuple):
    """Series by name of `tally`, corrections by CORRECTION_LABELS, persons by workspace."""

    counters: dict[str, Series]
    corrections: Series
    contacts: Series


Journeys = Mapping[tuple[str, str], Shape]
"""Those that run, by (workspace, id)."""


def exposed(counted: Sequence[Counted], journeys: Journeys, currencies: Sequence[str]) -> Exposed:
    """`counted` in the order in which the labels came."""
    bounds = _Bounds()
    counters: dict[str, Series] = {name: defaultdict(Decimal) for name in METRICS}
    corrections: Series = defaultdict(Decimal)
    contacts: Series = defaultdict(Decimal)
    zeros = (Counted(label, NONE, NONE) for label in _zeros(journeys, currencies))
    for label, gained, lost in (*counted, *zeros):
        if label.name == "contacts":
            contacts[(label.workspace,)] += gained - lost
        elif label.name in METRICS and label.detail not in ("raw", "total"):
            metric = METRICS[label.name]
            where, detail = bounds.place(label, metric), bounds.detail(label)
            counters[label.name][_values(where, detail, metric)] += gained
            corrections[(*where, label.name, detail)] += lost
    return Exposed(counters, corrections, contacts)


def _values(where: tuple[str, ...], detail: str, metric: Metric) -> tuple[str, ...]:
    return (*where[: len(metric.labels)], *([detail] if metric.detail else ()))


def _zeros(journeys: Journeys, currencies: Sequence[str]) -> Iterator[Label]:
    for (workspace, journey), shape in journeys.items():
        for step in (*shape.steps, None):
            for name, metric in METRICS.items():
                if (step is None) != (metric.labels == JOURNEY) or metric.labels == WORKSPACE:
                    continue
                if step is not None and not step.mails and name != "reached":
                    continue
                place = (step.step, step.variant) if step else ("", "")
                for detail in _details(name, metric, shape, currencies):
                    yield Label(workspace, journey, *place, name, detail)


def _details(name: str, metric: Metric, shape: Shape, currencies: Sequence[str]) -> Sequence[str]:
    if metric.detail == "currency":
        return currencies
    return shape.exits if name == "exited" else metric.details


class _Bounds:
    """Who came first keeps its name."""

    def __init__(self) -> None:
        self._places: set[tuple[str, ...]] = set()
        self._details: dict[str, set[str]] = defaultdict(set)

    def place(self, label: Label, metric: Metric) -> tuple[str, ...]:
        """(workspace, journey, step, variant), empty where the metric does not tell them apart."""
        told = len(metric.labels)
        where = (*label[:told], *[""] * (len(STEP) - told))
        if _room(self._places, where, MAX_STEPS):
            return where
        return (label.workspace, *[OTHER] * (told - 1), *[""] * (len(STEP) - told))

    def detail(self, label: Label) -> str:
        return (
            label.detail if _room(self._details[label.name], label.detail, MAX_DETAILS) else OTHER
        )


def _room(known: set[T], value: T, limit: int) -> bool:
    if value not in known and len(known) >= limit:
        return False
    known.add(value)
    return True
