"""A journey's file becomes plain data with lines, or an error that points at one."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import decode_plain, encode
from shared.documents import MAX_BYTES, Unreadable, read

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.decimals(-(10**6), 10**6, places=2)
    | st.text(st.characters(exclude_categories=["C"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc_-", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(JSON)
def test_any_printable_json_reads_as_what_it_says(value: object) -> None:
    text = encode(value)
    assert read(text).data == decode_plain(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: 21:00", {"on": "21:00"}),
        ("a: 20.50", {"a": Decimal("20.50")}),
        ("a: 2026-01-02", {"a": "2026-01-02"}),
        ('a: "12"', {"a": "12"}),
        ("a: no", {"a": "no"}),
        ("a: 0x1F", {"a": 31}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("1: one", {"1": "one"}),
        ("a: ~", {"a": None}),
        ("a: !!python/object:os.system x", {"a": "x"}),
    ],
)
def test_yaml_means_what_its_writer_sees(text: str, value: object) -> None:
    assert read(text.encode()).data == value


def test_every_place_has_its_line() -> None:
    document = read(b"journey: x\nsteps:\n  - id: a\n    send: b\n  - {id: c,\n     delay: 2d}\n")
    assert document.line(("steps", 0, "send")) == 4
    assert document.line(("steps", 1, "delay")) == 6
    assert document.line(("steps", 1, "delay", "deeper")) == 6
    assert document.line(("steps", 7)) == 2
    assert document.line(()) == 1


def _bomb() -> bytes:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for this, before in zip("bcdef", "abcde", strict=True):
        lines.append(f"{this}: &{this} [{', '.join(['*' + before] * 10)}]")
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        (b"a: [1,\nb: 2", 2, "expected"),
        (b"a: 1\na: 2", 2, "twice"),
        (b"a: 1\nb: \xff", 2, "UTF-8"),
        (b"", 1, "empty"),
        (b"a: 1\nb: .inf", 2, "not a number"),
        (b"a: 1e999", 1, "not a number"),
        (b'a: "\\0"', 1, "NUL"),
        (b'a: "\\ud800"', 1, "surrogate"),
        (b'{"a": 1,\n "\\ud800": 1}', 2, "surrogate"),
        (b'"\\0": 1', 1, "NUL"),
        (b"a: &x [*x]", 1, "aliases"),
        (b"? [a]\n: 1", 1, "key"),
        (_bomb(), 1, "aliases"),
        (b"\n" + b"[" * 5000, 2, "deep"),
        (b"- " * 5000, 1, "deep"),
        (b"a: 1\nintro: News: and more\n", 2, "put a text with a colon in quotes"),
        (b"a: 1\nb: 'open\nc: 2\nd: 3\n", 2, "a quote is opened here and not closed"),
        (b"a: 1\n---\nb: 2\n", 2, "one document"),
        (b"a:\n  " + b"[" * 100 + b"]" * 100, 2, "deep"),
        (b'a: "\\UFFFFFFFF"', 0, "too large"),
        (b'a: "\\U00110000"', 0, "too large"),
        (b"\x00", 0, "YAML"),
        (b" " * (MAX_BYTES + 1), 0, "kB"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(text: bytes, line: int, word: str) -> None:
    with pytest.raises(Unreadable, match=word) as caught:
        read(text)
    assert caught.value.line == line


def test_a_hundred_levels_are_read() -> None:
    assert read(b"[" * 100 + b"]" * 100).data
