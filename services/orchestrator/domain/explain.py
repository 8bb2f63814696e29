"""Decisions in words."""

from collections.abc import Iterable

from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.state import Decision


def explain(decisions: Iterable[Decision], journey: Journey | None = None) -> list[str]:
    """One line a decision, oldest first."""
    return [f"{d.at:%Y-%m-%d %H:%M:%S}  {d.what} {d.step} {d.reason}" for d in decisions]
