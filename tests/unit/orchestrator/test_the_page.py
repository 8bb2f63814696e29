"""Every journey on the page about journeys is one."""

import re

import pytest

from services.orchestrator.journey_files import load_journey_file
from tests.unit.orchestrator.world import ROOT, starter

PAGE = (ROOT / "docs" / "journeys.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_example_is_a_journey(text: str) -> None:
    journey = load_journey_file(text, "journeys.md")
    assert journey.steps
    if journey.id == "abandoned-cart":
        shipped = starter("abandoned-cart")
        assert (journey.trigger, journey.nodes) == (shipped.trigger, shipped.nodes)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2
