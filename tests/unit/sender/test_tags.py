"""What a tag at SES may carry."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.mail import ascii_address
from shared.tags import from_tag, to_tag


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_what_is_written_is_read_and_ses_takes_it(value: str) -> None:
    tag = to_tag(value)
    assert from_tag(tag) == value
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", tag) or len(value.encode()) > 180


@given(st.text(max_size=60))
def test_somebody_elses_tag_breaks_nothing(tag: str) -> None:
    assert isinstance(from_tag(tag), str)


def test_ordinary_names_stay_readable() -> None:
    assert to_tag("abandoned-cart") == "abandoned-cart"


@pytest.mark.parametrize("value", ["", "x" * 257])
def test_what_does_not_fit_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="a tag has"):
        to_tag(value)


@pytest.mark.parametrize(
    ("address", "ascii_"),
    [
        ("maja@example.com", "maja@example.com"),
        (" maja@bücher.example ", "maja@xn--bcher-kva.example"),
        ("jõgi@example.com", "jõgi@example.com"),
        ("no domain", "no domain"),
    ],
)
def test_domains_become_punycode(address: str, ascii_: str) -> None:
    assert ascii_address(address) == ascii_
