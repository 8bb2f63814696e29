"""The orchestrator's pure core: `transition(state, input, journeys, now)` and what it speaks of."""

from services.orchestrator.domain.explain import explain
from services.orchestrator.domain.journeys import Journeys
from services.orchestrator.domain.missing import missing
from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.parse import parse_journey
from services.orchestrator.domain.reading import JourneyError
from services.orchestrator.domain.state import (
    ContactState,
    Decision,
    Due,
    Input,
    Wakes,
    empty,
    unpack,
    wakes_at,
)
from services.orchestrator.domain.transition import transition
from services.orchestrator.domain.turn import Effect

__all__ = [
    "ContactState",
    "Decision",
    "Due",
    "Effect",
    "Input",
    "Journey",
    "JourneyError",
    "Journeys",
    "Wakes",
    "empty",
    "explain",
    "missing",
    "parse_journey",
    "transition",
    "unpack",
    "wakes_at",
]
