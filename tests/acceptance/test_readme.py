"""A newcomer does what the README says, and sees what it shows."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(bash|json|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = (*("SES", "INGEST", "SEGMENTER", "ORCHESTRATOR", "SENDER", "METRICS"),)
PATIENCE = 60.0  # for a busy machine; the README's five seconds are for a quiet one


def story() -> list[tuple[str, str]]:
    """(language, text) of the blocks after the marker, in order."""
    text = (ROOT / "README.md").read_text()
    told = text.split("<!-- tested by tests/acceptance/test_readme.py", 1)[1]
    return BLOCK.findall(told.split("\n## ", 1)[0])


@dataclass
class Newcomer:
    """A terminal with the two export lines pasted."""

    environment: dict[str, str]
    inbox: str
    logs: Path

    def types(self, line: str, *, too_early: bool = False) -> str:
        """What it prints; `too_early` if it may fail because the event is still on its way."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0 or too_early, done.stderr
        return done.stdout

    def mails(self) -> list[dict[str, object]]:
        with urllib.request.urlopen(self.inbox + "/admin/messages?after=0") as answer:  # noqa: S310
            found: list[dict[str, object]] = json.load(answer)["items"]
            return found


@pytest.fixture
def newcomer(kafka: str, database: str, topic_prefix: str, tmp_path: Path) -> Iterator[Newcomer]:
    environment = {
        **os.environ,
        "TUVI_KAFKA": kafka,
        "TUVI_POSTGRES_DSN": database,
        "TUVI_TOPIC_PREFIX": topic_prefix,
        "TUVI_CONTEXT": str(tmp_path / "context.json"),
        **{f"TUVI_{name}_PORT": "0" for name in PORTS},
    }
    printed = tmp_path / "up.txt"
    with printed.open("w") as out:
        up = subprocess.Popen(
            [sys.executable, "-m", "tuvi.cli", "up", "--home", str(tmp_path / "home")],
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        text = _until(printed.read_text, lambda t: "Ctrl-C" in t and "logs" in t, up)
        exports = dict(re.findall(r"export (\w+)=(\S+)", text))
        found = re.search(r"the inbox +(\S+)/inbox", text)
        assert found is not None
        inbox = found[1]
        environment.update(exports)
        yield Newcomer(environment, inbox, tmp_path / "home" / "up" / "logs")
    finally:
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0, printed.read_text()


def _until(
    read: Callable[[], str], good: Callable[[str], bool], process: subprocess.Popen[bytes] | None
) -> str:
    deadline = time.monotonic() + PATIENCE * 2
    while not good(value := read()):
        assert time.monotonic() < deadline, value
        assert process is None or process.poll() is None, value
        time.sleep(0.2)
    return value


def _explained(newcomer: Newcomer, line: str, last: str) -> list[str]:
    told = _until(lambda: newcomer.types(line, too_early=True), lambda text: last in text, None)
    return told.strip().splitlines()


@pytest.mark.timeout(300)
def test_the_first_mail_and_the_one_that_does_not_come(newcomer: Newcomer) -> None:
    blocks = story()
    assert len(blocks) == 10
    for (language, line), (_, shown) in zip(blocks[::2], blocks[1::2], strict=True):
        assert language == "bash"
        if "explain" not in line:
            assert json.loads(newcomer.types(line)) == json.loads(shown)
            continue
        expected = shown.strip().splitlines()
        told = _explained(newcomer, line, expected[-1])
        for one, line_told in zip(expected, told, strict=True):
            assert one in line_told
    mails = newcomer.mails()
    assert [mail["to"] for mail in mails] == [["ada@example.com"]]
    logs = {file.name: file.read_text() for file in newcomer.logs.iterdir()}
    assert {"ingest.log", "sender.log"} <= set(logs)
    for name, text in logs.items():
        assert "@example.com" not in text, f"{name} holds an address"
        assert "kettle" not in text, f"{name} holds contents"
