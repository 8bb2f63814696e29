"""What a command lists is read by people, on whatever terminal."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tuvi.tables import show

AT = datetime(2026, 11, 22, 11, 2, tzinfo=UTC)


def test_a_column_is_as_wide_as_what_is_in_it_and_says_whose_time_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    url = f"https://shop.example/{'x' * 100}"
    rows: list[dict[str, Any]] = [
        {"name": "a", "note": None, "url": url, "at": AT, "of": ["b", "c"]},
        {"name": "long", "note": "", "url": "-", "at": AT.astimezone(timezone(timedelta(hours=2)))}
        | {"of": []},
    ]

    show(rows, none="there are none")

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["name", "url", "at", "of"],
        ["a", url, "2026-11-22", "11:02", "UTC", "b"],
        ["c"],
        ["long", "-", "2026-11-22", "11:02", "UTC"],
    ]


def test_a_number_that_is_nought_is_there_and_strangers_words_do_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show([{"members": 0, "name": "a\x1b[2Jb"}], none="there are none")

    assert capsys.readouterr().out.split() == ["members", "name", "0", "a␛[2Jb"]


def test_no_rows_are_said_and_are_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    show([], none="no keys: `tuvi keys create` makes one")

    assert capsys.readouterr() == ("", "no keys: `tuvi keys create` makes one\n")
