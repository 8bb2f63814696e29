"""Business metrics: the tables, read every few seconds, shown to Prometheus.

The numbers are the tables', so they survive restarts and are the same whichever process shows
them; but only one may (two that look at different moments look like resets).
"""

import asyncio
import time
from collections.abc import Iterator

import asyncpg
import structlog
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.metrics.adapters import sums
from services.metrics.adapters.journeys import Journeys
from services.metrics.domain.exposition import (
    CORRECTION_LABELS,
    CORRECTIONS,
    METRICS,
    Exposed,
    exposed,
)
from shared.db.pool import AWAY

log = structlog.get_logger()


class Exporter(Collector):
    """Register it; `run` keeps it fresh. Shows nothing before the first look."""

    def __init__(self, pool: asyncpg.Pool, journeys: Journeys, currencies: list[str]) -> None:
        self._pool, self._journeys, self._currencies = pool, journeys, currencies
        self._shown: tuple[Exposed, float] | None = None

    @property
    def ready(self) -> bool:
        return self._shown is not None

    async def run(self, every: float) -> None:
        """Until cancelled. What cannot be read now is as it was: see the refresh timestamp."""
        await self._journeys.known()
        while True:
            try:
                await self.refresh()
            except AWAY as error:
                log.warning("business metrics are old", reason=type(error).__name__)
            await asyncio.sleep(every)

    async def refresh(self) -> None:
        """Look now."""
        counted = await sums.counters(self._pool)
        shown = exposed(counted, self._journeys.running(), self._currencies)
        self._shown = shown, time.time()

    def collect(self) -> Iterator[Metric]:
        """What was seen at the last look."""
        if self._shown is None:
            return
        shown, at = self._shown
        for name, metric in METRICS.items():
            labels = [*metric.labels, *([metric.detail] if metric.detail else [])]
            family = CounterMetricFamily(metric.name, metric.help, labels=labels)
            for values, value in sorted(shown.counters[name].items()):
                family.add_metric(values, float(value))
            yield family
        family = CounterMetricFamily(CORRECTIONS.name, CORRECTIONS.help, labels=CORRECTION_LABELS)
        for values, value in sorted(shown.corrections.items()):
            family.add_metric(values, float(value))
        yield family
        persons = GaugeMetricFamily("tuvi_contacts", "Persons seen.", labels=["workspace"])
        for values, value in sorted(shown.contacts.items()):
            persons.add_metric(values, float(value))
        yield persons
        yield GaugeMetricFamily(
            "tuvi_report_refresh_timestamp_seconds", "When the tables were last read.", value=at
        )
