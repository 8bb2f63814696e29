"""The schemas beside the contracts are those of the code."""

import pytest

from shared.contracts import CODECS
from shared.contracts.schemas import FOLDER, schema_of


@pytest.mark.parametrize("topic", sorted(CODECS))
def test_the_schema_is_the_codes(topic: str) -> None:
    written = (FOLDER / f"{topic}.json").read_bytes()
    assert written == schema_of(topic), "run: python -m shared.contracts.schemas"


def test_no_schema_is_left_of_a_topic_that_is_gone() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(CODECS)
