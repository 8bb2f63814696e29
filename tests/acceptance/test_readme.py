"""A newcomer does what the README and the first event's page say, and sees what they show."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NODE = str(Path(sys.executable).with_name("node"))
BLOCK = re.compile(r"^```(bash|json|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = ("SES", "INGEST", "SEGMENTER", "ORCHESTRATOR", "SENDER", "METRICS")
PATIENCE = 60.0  # for a busy machine; the README's some seconds are for a quiet one


def story() -> list[tuple[str, str]]:
    """(language, text) of the blocks after the marker, in order."""
    text = (ROOT / "README.md").read_text()
    told = text.split("<!-- tested by tests/acceptance/test_readme.py", 1)[1]
    return BLOCK.findall(told.split("\n## ", 1)[0])


def pasted(first: str) -> str:
    """The lines of docs/first-event.md from the one that begins so to the end of its block."""
    lines = iter((ROOT / "docs/first-event.md").read_text().splitlines())
    rest = dropwhile(lambda line: not line.startswith(f"    {first}"), lines)
    block = takewhile(lambda line: not line or line.startswith("    "), rest)
    return "".join(f"{line.removeprefix('    ')}\n" for line in block)


CALLS = tuple(line for _, line in story()[0:4:2])


@dataclass
class Newcomer:
    """A terminal with the two export lines pasted, and one in which `tuvi up` runs in `folder`."""

    environment: dict[str, str]
    folder: Path
    inbox: str = ""
    _up: subprocess.Popen[bytes] | None = None

    def starts(self) -> None:
        with self.printed.open("w") as out:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "tuvi.cli", "up", "--home", str(self.folder / "home")],
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        text = until(self.printed.read_text, lambda t: "Ctrl-C" in t and "logs" in t, self._up)
        self.environment.update(re.findall(r"export (\w+)=(\S+)", text))
        found = re.search(r"the inbox +(\S+)/inbox", text)
        assert found is not None
        self.inbox = found[1]

    def stops(self) -> None:
        assert self._up is not None
        self._up.send_signal(signal.SIGINT)
        assert self._up.wait(60) == 0, self.printed.read_text()

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

    def mails(self, address: str) -> int:
        return len(self.inbox_of(address))

    def inbox_of(self, address: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(self.inbox + "/admin/messages?after=0") as answer:  # noqa: S310
            return [mail for mail in json.load(answer)["items"] if mail["to"] == [address]]

    def process(self, service: str) -> int:
        """Its id."""
        assert self._up is not None
        shown = subprocess.run(
            ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        )
        pattern = rf"^ *(\d+) +{self._up.pid} .* serve {service}$"
        (pid,) = re.findall(pattern, shown.stdout, re.MULTILINE)
        return int(pid)

    @property
    def printed(self) -> Path:
        return self.folder / "up.txt"

    @property
    def logs(self) -> Path:
        return self.folder / "home" / "up" / "logs"


@pytest.fixture(scope="module")
def newcomer(
    kafka: str, database: str, topic_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Newcomer]:
    folder = tmp_path_factory.mktemp("newcomer")
    environment = {
        **os.environ,
        "TUVI_KAFKA": kafka,
        "TUVI_POSTGRES_DSN": database,
        "TUVI_TOPIC_PREFIX": topic_prefix,
        "TUVI_CONTEXT": str(folder / "context.json"),
        **{f"TUVI_{name}_PORT": "0" for name in PORTS},
    }
    (folder / "node_modules").symlink_to(ROOT / "tests/sdks/node_modules")
    newcomer = Newcomer(environment, folder)
    try:
        newcomer.starts()
        yield newcomer
    finally:
        newcomer.stops()


def until(
    read: Callable[[], str],
    good: Callable[[str], object],
    process: subprocess.Popen[bytes] | None = None,
) -> str:
    deadline = time.monotonic() + PATIENCE * 2
    while not good(value := read()):
        assert time.monotonic() < deadline, value
        assert process is None or process.poll() is None, value
        time.sleep(0.2)
    return value


def shown(text: str) -> re.Pattern[str]:
    """What the README shows, where … is whatever a time or an id is."""
    return re.compile(re.escape(text.strip()).replace("…", ".+") + "\n")


@pytest.mark.timeout(300)
def test_the_first_mail_and_the_one_that_does_not_come(newcomer: Newcomer) -> None:
    blocks = story()
    assert len(blocks) == 10
    for (language, line), (_, answer) in zip(blocks[::2], blocks[1::2], strict=True):
        assert language == "bash"
        if "explain" in line:
            until(partial(newcomer.types, line, too_early=True), shown(answer).fullmatch)
        else:
            assert json.loads(newcomer.types(line)) == json.loads(answer)
    assert newcomer.mails("ada@example.com") == 1
    assert newcomer.mails("grace@example.com") == 0
    logs = {file.name: file.read_text() for file in newcomer.logs.iterdir()}
    assert {"ingest.log", "sender.log"} <= set(logs)
    for name, text in logs.items():
        assert "@example.com" not in text, f"{name} holds an address"
        assert "kettle" not in text, f"{name} holds contents"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("first", "file", "program", "sent"),
    [
        ("from segment", "first.py", sys.executable, ["u-7 identify", "u-7 track"]),
        ("// first.mjs", "first.mjs", NODE, ["u-8 identify", "u-8 track"]),
        pytest.param(
            *("<?php", "first.php", "php", ["u-7 track"]),
            marks=pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not here"),
        ),
        ("curl -u", "first.sh", "bash", ["u-7 track"]),
    ],
)
def test_the_first_event_is_sent_by_what_its_page_shows(
    newcomer: Newcomer, first: str, file: str, program: str, sent: list[str]
) -> None:
    tuvi = f"{sys.executable} -m tuvi.cli"
    key = newcomer.types(f"{tuvi} keys create --name {file}").strip()
    url = newcomer.environment["TUVI_INGEST"]
    program_text = pasted(first).replace("tuvi_wk_…", key).replace("http://127.0.0.1:8001", url)
    (newcomer.folder / file).write_text(program_text)
    newcomer.types(f"cd {newcomer.folder} && {program} {file}")
    seen = [
        json.loads(line)
        for line in newcomer.types(f"{tuvi} events tail --json --via {key[:14]}").splitlines()
    ]
    assert [f"{one['user_id']} {one['type']}" for one in seen] == sent
    assert {one["outcome"] for one in seen} == {"accepted"}


@pytest.mark.timeout(300)
def test_a_service_that_is_killed_comes_back_and_the_mail_is_sent_once(newcomer: Newcomer) -> None:
    before = newcomer.process("orchestrator")
    identify, track = (line.replace("ada", "kim").replace("cart-1", "cart-kim") for line in CALLS)
    newcomer.types(identify)
    newcomer.types(track)
    os.kill(before, signal.SIGKILL)
    until(newcomer.printed.read_text, lambda text: "orchestrator was killed by SIGKILL" in text)
    until(lambda: str(newcomer.mails("kim@example.com")), lambda mails: mails != "0")
    assert newcomer.process("orchestrator") != before
    assert newcomer.mails("kim@example.com") == 1


@pytest.mark.timeout(300)
def test_who_signs_up_is_asked_to_confirm_and_only_then_welcomed(newcomer: Newcomer) -> None:
    form = "curl -sS $TUVI_INGEST/v1/forms/newsletter -d email=zoe@example.com -d consent=true"
    assert json.loads(newcomer.types(f"{form} -d first_name=Zoe"))["success"] is True
    until(lambda: str(newcomer.mails("zoe@example.com")), lambda mails: mails != "0")
    (asked,) = newcomer.inbox_of("zoe@example.com")
    assert asked["subject"].startswith("Please confirm")
    (link,) = [link for link in asked["links"] if "/confirm/" in link]
    assert "Yes, sign me up" in newcomer.types(f"curl -sS {link}")
    assert newcomer.mails("zoe@example.com") == 1  # who only looks is not subscribed
    assert "You are signed up" in newcomer.types(f"curl -sS -X POST {link}")
    until(lambda: str(newcomer.mails("zoe@example.com")), lambda mails: mails == "2")
    assert re.fullmatch("Welcome to .+, Zoe", newcomer.inbox_of("zoe@example.com")[1]["subject"])


@pytest.mark.timeout(300)
def test_what_somebody_made_of_a_starter_file_is_there_after_ctrl_c(newcomer: Newcomer) -> None:
    file = newcomer.folder / "welcome.yaml"
    starter = (ROOT / "starter/journeys/welcome.yaml").read_text()
    file.write_text(re.sub("description: .*", "description: ours", starter))
    tuvi = f"{sys.executable} -m tuvi.cli journeys"
    assert newcomer.types(f"{tuvi} apply {file}") == "welcome: version 2\n"
    keys = json.loads(newcomer.types(f"{sys.executable} -m tuvi.cli keys list --json"))
    names = [key["name"] for key in keys[:3]]  # the oldest first
    assert names == ["TUVI_WRITE_KEY", "tuvi's commands", "dispatch switch"]
    newcomer.stops()
    newcomer.starts()
    assert re.search("^welcome +2 ", newcomer.types(f"{tuvi} list"), re.MULTILINE)


@pytest.mark.timeout(300)
def test_a_faulty_file_keeps_back_none_of_the_others(newcomer: Newcomer) -> None:
    mine = newcomer.folder / "mine"
    mine.mkdir()
    starter = (ROOT / "starter/journeys/welcome.yaml").read_text()
    (mine / "a.yaml").write_text("journey: a\n")
    (mine / "b.yaml").write_text(starter.replace("journey: welcome", "journey: b"))
    (mine / "c.yaml").write_text(starter.replace("journey: welcome", "journey: d"))
    told = newcomer.types(f"{sys.executable} -m tuvi.cli journeys apply {mine} 2>&1 || true")
    first, *rest = told.splitlines()
    assert first == "b: version 1"
    assert [line.split(" (")[0] for line in rest] == ["error: journeys a", "journeys c"]
