"""Operational counters of this process; reports count from the tables of service metrics.

A journey's name is a label only while names are few: the first 200, then `other`.
"""

from collections.abc import Iterable

from prometheus_client import Counter

from shared.contracts import JourneyEvent

MAX_JOURNEYS = 200
ENTRIES = Counter("tuvi_journey_entries_total", "Runs begun.", ["journey"])
EXITS = Counter("tuvi_journey_exits_total", "Runs ended.", ["journey", "reason"])
REFUSALS = Counter("tuvi_journey_refusals_total", "Triggers that began no run.", ["reason"])
_seen: set[str] = set()


def count(events: Iterable[JourneyEvent]) -> None:
    """Once per batch written (a batch that is repeated after a deadlock counts again)."""
    for event in events:
        if event.kind == "entered":
            ENTRIES.labels(_bounded(event.journey)).inc()
        elif event.kind == "exited":
            EXITS.labels(_bounded(event.journey), event.reason).inc()
        elif event.kind == "refused":
            REFUSALS.labels(event.reason).inc()


def _bounded(journey: str) -> str:
    if journey in _seen or len(_seen) < MAX_JOURNEYS:
        _seen.add(journey)
        return journey
    return "other"
