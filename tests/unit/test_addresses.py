"""An address is name@example.com and nothing around it, the same for all who ask."""

import unicodedata
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from services.segmenter.domain.normalise import normalised
from services.sender.domain.permission import suppression_key
from services.sender.mail import ascii_address
from shared.contracts import StoreEvent, encode
from shared.contracts.addresses import LONGEST, address, mailbox

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

NONE = [
    "",
    "not-an-email",
    "no-tld@",
    "@foo.com",
    "a@localhost",
    "a@127.0.0.1",
    "a@[127.0.0.1]",
    "a@@b.c",
    "a@b@c.de",
    "foo@exa..mple.com",
    "foo@.example.com",
    "foo@example.com.",
    "foo@-example.com",
    "foo@example-.com",
    "foo@exa_mple.com",
    ".foo@example.com",
    "foo.@example.com",
    "f..oo@example.com",
    "x y@example.com",
    '"x y"@example.com',
    "a@example.com, b@example.com",
    "a@example.com;b@example.com",
    "Carl <carl@example.com>",
    "<carl@example.com>",
    "mailto:carl@example.com?subject=x",
    "carl@example.com\r\nBcc: b@example.com",
    "carl@exam\x00ple.com",
    "c\u200barl@example.com",
    "jõgi@example.com",  # SES takes no such local part
    "carl@straße.example",  # would be sent to strasse.example
    "carl@\uff45xample.com",  # would be sent to example.com, past what is suppressed there
    "carl@example。com",
    "carl@exam\u200dple.com",
    "carl@exam\ud800ple.com",
    "c" * 65 + "@example.com",
    "carl@" + "e" * 64 + ".com",
    "carl@" + "example." * 32 + "com",
    "carl@" + "ä" * 60 + ".com",
]


@pytest.mark.parametrize("given", NONE)
def test_what_is_none(given: str) -> None:
    assert address(given) == mailbox(given) == ""


@pytest.mark.parametrize("given", [None, 7, True, ["a@example.com"], {"a": 1}])
def test_what_is_no_text_is_none(given: object) -> None:
    assert address(given) == ""


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("ann@example.com", "ann@example.com"),
        (" Ann.Example@SHOP.Example\n", "Ann.Example@shop.example"),
        ("o'brien+cart@mail.example.co.uk", "o'brien+cart@mail.example.co.uk"),
        ("a!#$%&'*+/=?^_`{|}~-b@example.com", "a!#$%&'*+/=?^_`{|}~-b@example.com"),
        ("1@4you.example", "1@4you.example"),
        ("ann@EXÄMPLE.com", "ann@exämple.com"),
        ("ann@उदाहरण.भारत", "ann@उदाहरण.भारत"),
        ("ann@xn--exmple-cua.com", "ann@xn--exmple-cua.com"),
        ("c" * 64 + "@example.com", "c" * 64 + "@example.com"),
    ],
)
def test_what_is_one_is_trimmed_and_its_domain_is_lower_case(given: str, found: str) -> None:
    assert address(given) == found


def test_all_spellings_of_a_mailbox_are_suppressed_as_one() -> None:
    spellings = ["ann@exämple.com", "ANN@EXÄMPLE.COM ", "Ann@xn--exmple-cua.com"]

    assert {suppression_key(one) for one in spellings} == {"ann@xn--exmple-cua.com"}


PIECES = st.sampled_from([*"@@@..-+'\"<>, \t\n\0_ä日ßＡ١", "\u0301", "carl", "X", "example", "com"])
NEAR = st.lists(PIECES | st.characters(), max_size=12).map("".join)
LABEL = st.from_regex(r"[A-Za-z0-9]{1,9}", fullmatch=True) | st.text(
    st.characters(categories=["L", "M", "N"]) | st.just("-"), min_size=1, max_size=9
)
LIKELY = st.builds(
    lambda local, labels: f"{local}@{'.'.join(labels)}",
    st.from_regex(r"[A-Za-z0-9.'+_-]{1,9}", fullmatch=True),
    st.lists(LABEL, min_size=1, max_size=3),
)


@given(st.text() | NEAR | LIKELY)
@example("Carl@EXÄMPLE.com")
@example("carl@İ.com")
def test_what_is_accepted_goes_through_unchanged_but_for_the_domains_case(text: str) -> None:
    found = address(text)
    if not found:
        return
    local, _, domain = text.strip().rpartition("@")
    assert found == f"{local}@{domain.lower()}" == address(found)
    assert not set(found) & set(' <>,;:"()[]\\')
    assert not any(unicodedata.category(letter)[0] in "ZC" for letter in found)
    assert len(found) <= LONGEST
    assert "." in domain
    assert normalised_email(text) == found
    # who is mailed is who is suppressed
    assert ascii_address(found).lower() == mailbox(found) == suppression_key(text)
    assert mailbox(found).isascii()


@given(st.text() | NEAR)
def test_what_is_none_is_kept_as_it_came_and_names_nobody(text: str) -> None:
    assume(not address(text) and not any("\ud800" <= letter <= "\udfff" for letter in text))
    body = encode({"type": "identify", "userId": "u", "traits": {"email": text}})
    _, event = normalised(stored(body))

    assert event.traits == {"email": text}
    assert event.context == {}


def normalised_email(text: str) -> str:
    """Through identity's normalisation, as the event names its contact."""
    _, event = normalised(stored(encode({"type": "identify", "traits": {"email": text}})))
    assert event.traits["email"] == event.context["email"]
    return str(event.traits["email"])


def stored(body: bytes) -> StoreEvent:
    return StoreEvent(workspace="shop", message_id="m", received_at=NOON, event=msgspec.Raw(body))
