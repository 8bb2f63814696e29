"""What is odd but harmless in a call is kept as text, so that nothing behind it has to mind."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import decode_plain, encode
from shared.contracts.wire import MAX_DEPTH, decode


def _properties(text: str) -> Any:
    return decode(b'{"type":"page","userId":"u","properties":%s}' % text.encode()).properties


def test_numbers_are_exact() -> None:
    assert _properties('{"a":0.10,"b":1e2,"c":-5}') == {
        "a": Decimal("0.10"),
        "b": Decimal(100),
        "c": -5,
    }


def test_a_number_that_is_too_large_is_kept_as_text() -> None:
    long = "1" * 101
    huge = '"a":1e999,"e":-1e99999999999999999999'
    assert _properties(f'{{{huge},"c":{long},"d":[{long}]}}') == {
        "a": "1e999",
        "c": long,
        "d": [long],
        "e": "-1e99999999999999999999",
    }


def test_a_number_that_is_too_fine_is_rounded() -> None:
    third = "0." + "3" * 300
    found = _properties(f'{{"a":1e-999,"b":{third},"c":1e-99999999999999999999}}')
    assert found == {"a": 0, "b": Decimal("0." + "3" * 100), "c": 0}


def test_what_is_nested_too_deeply_is_kept_as_text() -> None:
    found = _properties('{"a":' + "[" * 40 + "]" * 40 + "}")["a"]
    for _ in range(MAX_DEPTH - 2):
        [found] = found
    assert found == "[" * 10 + "]" * 10


@given(
    st.dictionaries(
        st.text(max_size=3),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(10**90), 10**90) | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
            max_leaves=40,
        ),
    )
)
def test_everything_else_is_as_it_was_sent(said: dict[str, Any]) -> None:
    found = _properties(json.dumps(said))
    assert found == decode_plain(encode(said))
