"""`tuvi` without a server: every faulty file is named with its line, what is missing in words."""

import sys
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.local.ports import Ports, setting_of
from tuvi import cli, client

STARTER = Path(__file__).parents[2] / "starter"
LOYAL = "segment: loyal\nwho: {trait: country, is: EE}\n"


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder where no stack is running, an environment that names none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client, "CONTEXT", tmp_path / "context.json")
    for name in ("TUVI_KEY", "TUVI_URL", "TUVI_URLS"):
        monkeypatch.delenv(name, raising=False)


class Typed:
    def __init__(self, capsys: pytest.CaptureFixture[str], line: str) -> None:
        before, sys.argv = sys.argv, ["tuvi", *line.split()]
        try:
            self.code = cli.main() or 0
        except SystemExit as ended:
            self.code = ended.code
        finally:
            sys.argv = before
        self.out, self.err = capsys.readouterr()


def test_every_faulty_journey_is_named_and_the_others_are_fine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = (STARTER / "journeys/welcome.yaml").read_text()
    Path("bad.yaml").write_text("journey: bad\n")
    Path("binary.yaml").write_bytes(b"\xff\xfe")
    Path("misnamed.yaml").write_text(good)
    Path("welcome.yaml").write_text(good)
    typed = Typed(capsys, "journeys validate .")
    assert typed.code == 1
    assert typed.out == "welcome.yaml: ok\n"
    assert typed.err.splitlines() == [
        "bad.yaml:1: 'trigger' is missing; write trigger: {event: Signed Up}",
        "binary.yaml:1: not UTF-8",
        "misnamed.yaml:1: the file is called 'misnamed', but says 'welcome': name them alike",
        "error: 3 of 4 cannot be published",
    ]


def test_a_segment_may_ask_about_one_that_is_not_among_the_files(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("vip.yaml").write_text("segment: vip\nwho: {segment: loyal}\n")
    typed = Typed(capsys, "segments validate vip.yaml")
    assert (typed.code, typed.err) == (0, "")
    assert "warning: asks about segment 'loyal', which is not among these files" in typed.out
    Path("loyal.yaml").write_text(LOYAL)
    assert Typed(capsys, "segments validate .").out == "loyal.yaml: ok\nvip.yaml: ok\n"


def test_every_faulty_segment_is_named_and_who_asks_about_it_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("loyal.yaml").write_text(LOYAL.replace("trait", "trial"))
    Path("vip.yaml").write_text("segment: vip\nwho: {segment: loyal}\n")
    Path("other.yaml").write_text(LOYAL)
    Path("circle.yaml").write_text("segment: circle\nwho: {segment: circle}\n")
    Path("nameless.yaml").write_text("description: nobody\n")
    typed = Typed(capsys, "segments validate .")
    assert (typed.code, typed.out) == (1, "vip.yaml: ok\n")
    places = [line.split(" ")[0] for line in typed.err.splitlines()]
    assert places == [
        "circle.yaml:2:",
        "loyal.yaml:2:",
        "nameless.yaml:1:",
        "other.yaml:1:",
        "error:",
    ]
    assert "nameless.yaml:1: no name" in typed.err


def test_every_fault_of_every_template_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("_head.mjml", "_header.mjml", "_footer.mjml", "_sample.yaml", "welcome.mjml"):
        Path(name).write_bytes((STARTER / "templates" / name).read_bytes())
    Path("plain.mjml").write_text("hello")
    Path("wrong.mjml").write_text(Path("welcome.mjml").read_text().replace("<mj-text", "<mj-txt"))
    typed = Typed(capsys, "templates validate .")
    assert (typed.code, typed.out) == (1, "welcome.mjml: ok\n")
    assert "plain.mjml:1: has no front matter" in typed.err
    assert typed.err.count("wrong.mjml:") > 1
    assert typed.err.endswith("error: 2 of 3 cannot be published\n")


def test_every_faulty_form_is_named_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    good = (STARTER / "forms/newsletter.yaml").read_text()
    Path("newsletter.yaml").write_text(good)
    Path("other.yaml").write_text(good)
    Path("typo.yaml").write_text(good.replace("consent:", "consnt:"))
    Path("broken.yaml").write_text("form: [")
    typed = Typed(capsys, "forms validate .")
    assert (typed.code, typed.out) == (1, "newsletter.yaml: ok\n")
    assert "other.yaml:1: the file is called 'other'" in typed.err
    assert "typo.yaml:10: consnt: unknown key 'consnt'; did you mean 'consent'?" in typed.err
    assert "broken.yaml:" in typed.err
    assert typed.err.endswith("error: 3 of 4 cannot be published\n")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("journeys list --key k --url http://127.0.0.1:8003", "leave it out, or say where each"),
        ("journeys list --key k --url localhost", "localhost is no URL: write http://127.0.0.1"),
        ("journeys list --key k --url http://[", "is no URL"),
        ("segments validate .", "nothing to check"),
    ],
)
def test_what_is_missing_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], line: str, told: str
) -> None:
    typed = Typed(capsys, line)
    assert typed.code == 1
    assert typed.err.startswith("error: ")
    assert told in typed.err


@pytest.mark.parametrize("key", ["", "--key k"])
def test_a_stack_that_is_stopped_is_to_be_started_whether_its_key_is_known_or_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("TUVI_URLS", "ingest=http://127.0.0.1:1")
    typed = Typed(capsys, f"events tail {key}")
    silent = "error: ingest does not answer at http://127.0.0.1:1: start it with `make up`"
    assert typed.code == 1
    assert typed.err.startswith(silent)
    assert "no key" not in typed.err


def test_a_stack_that_runs_elsewhere_wants_a_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setenv("TUVI_URLS", f"ingest=http://127.0.0.1:{server.server_port}")
        typed = Typed(capsys, "events tail")
    assert "error: no key: run this in the folder where `make up` runs" in typed.err


def test_the_help_of_up_names_each_port_and_what_moves_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [line.split() for line in Typed(capsys, "up --help").out.splitlines()]
    named = {line[-1]: int(line[-2]) for line in lines if line and line[-1].endswith("_PORT")}
    assert named == {setting_of(name): port for name, port in asdict(Ports()).items()}


def test_each_service_may_have_an_address_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUVI_URLS", "orchestrator=http://127.0.0.1:1/there/,sender=http://x")
    typed = Typed(capsys, "journeys list --key k")
    assert "orchestrator does not answer at http://127.0.0.1:1/there:" in typed.err
    monkeypatch.setenv("TUVI_URLS", "orchestra=http://127.0.0.1:1")
    assert "not 'orchestra=http://127.0.0.1:1'" in Typed(capsys, "journeys list --key k").err


def test_a_part_of_templates_is_not_applied_by_itself_and_what_to_do_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = STARTER / "templates"
    typed = Typed(capsys, f"templates apply {folder}/_footer.mjml --url http://x --key k")
    assert typed.code == 1
    said = " ".join(typed.err.split())
    assert "_footer.mjml: is a part of other templates" in said
    assert f"apply the folder: {folder}" in said
