"""Every example in the documentation's page is one that works."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from shared.conditions import ConditionError, parse, parse_where
from shared.conditions.operators import MONEY

PAGE = (Path(__file__).parents[3] / "docs" / "conditions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["rt", "safe"])
@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_an_example_block_parses(kind: str, example: str) -> None:
    parse(YAML(typ=kind).load(example))


@pytest.mark.parametrize("example", re.findall(r"`(\{(?:trait|event|email)[^`…]*\})`", PAGE))
def test_an_example_in_a_sentence_parses(example: str) -> None:
    parse(YAML().load(example))


@pytest.mark.parametrize("example", re.findall(r"`where: (\{.*?\})`", PAGE))
def test_a_where_in_a_sentence_parses(example: str) -> None:
    parse_where(YAML().load(example))


def test_the_errors_shown_are_the_errors_given() -> None:
    segment = {"segment": "a"}
    for asked in (
        {"all": [segment, segment, {"event": "a", "count": {"gtee": 2}}]},
        {"all": [segment, {"trait": "revenue_total", "gte": 500}]},
        {"event": "Order Completed", "in_last": "90 days"},
    ):
        with pytest.raises(ConditionError) as caught:
            parse(asked)
        assert str(caught.value) in PAGE


def test_the_page_lists_what_is_money() -> None:
    listed = re.search(r"money by name \((.*?)\)", PAGE)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == MONEY
