"""A setting that is wrong is one line at the start, not a traceback."""

import os
import subprocess
import sys

import pytest

from services.ingest.settings import Settings
from shared.settings import BadSettings, from_environment

KEY = "a-secret-of-the-shop"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TUVI_")]:
        monkeypatch.delenv(name)


def test_what_is_right_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUVI_TOKEN_KEYS", f"{KEY}-1, {KEY}-0")

    assert from_environment(Settings).token_keys == [f"{KEY}-1", f"{KEY}-0"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "TUVI_TOKEN_KEYS: is missing (of links in mails, by commas; "),
        ({"TUVI_TOKEN_KEYS": " , "}, "TUVI_TOKEN_KEYS: give at least one key"),
        ({"TUVI_TOKEN_KEYS": "short"}, "TUVI_TOKEN_KEYS: a key has at least 16 characters"),
        ({"TUVI_TOKEN_KEYS": KEY, "TUVI_SNS_TOPICS": "arn"}, "TUVI_SNS_TOPICS: is no JSON; "),
        ({"TUVI_SQS_QUEUE_URL": "tuvi-ses"}, "TUVI_SQS_QUEUE_URL: is no URL; "),
        ({"TUVI_SQS_QUEUE_URL": "https://q"}, "TUVI_SQS_QUEUE_URL: needs TUVI_SNS_TOPICS, "),
        ({"TUVI_PORT": "http"}, "TUVI_PORT: Input should be a valid integer"),
        ({"TUVI_PORT": "http"}, "; TUVI_TOKEN_KEYS: is missing"),
    ],
)
def test_what_is_wrong_is_named_with_the_fix_and_without_its_value(
    given: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(BadSettings) as wrong:
        from_environment(Settings)

    assert told in str(wrong.value)
    assert "\n" not in str(wrong.value)
    assert "'short'" not in str(wrong.value)


def test_serving_without_a_needed_setting_ends_with_one_line() -> None:
    command = [sys.executable, "-m", "tuvi.cli", "serve", "ingest"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith("error: TUVI_TOKEN_KEYS: is missing (")
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""
