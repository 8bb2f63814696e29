"""The key in a request's head: read once, and remembered only if it could be one."""

import base64

import pytest

from services.ingest.adapters import write_keys
from services.ingest.adapters.write_keys import LONGEST_HEADER, LONGEST_KEY, token_of
from shared.errors import Problem


def test_the_longest_key_fits_in_every_way_to_send_it() -> None:
    key = "k" * LONGEST_KEY
    basic = base64.b64encode(f"{key}:".encode()).decode()
    assert token_of(f"Bearer {key}") == ("bearer", key)
    assert token_of(f"Basic {basic}") == ("basic", key)


@pytest.mark.parametrize("kind", ["Bearer", "Basic", "Other"])
def test_what_is_longer_is_refused_and_takes_no_memory(kind: str) -> None:
    before = write_keys._token_of.cache_info()
    with pytest.raises(Problem, match="400 characters") as told:
        token_of(f"{kind} " + "A" * LONGEST_HEADER)
    assert told.value.status == 401
    assert write_keys._token_of.cache_info() == before
