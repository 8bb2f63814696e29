"""What services answer is shown, and does nothing to the terminal: strangers' words are in it."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tuvi import cli

EVIL = "a\x1b[2Jb\x9b1m\u202ec"
SHOWN = "a␛[2Jb\ufffd1m\ufffdc"


class Answers(BaseHTTPRequestHandler):
    """A journey's explanation for c, a problem for everybody else."""

    def do_GET(self) -> None:
        known = self.path.endswith("contact=c")
        problem = {"detail": EVIL, "errors": [{"line": 2, "message": f"x{EVIL}"}]}
        body = json.dumps({"words": [EVIL, "sent"]} if known else problem).encode()
        self.send_response(200 if known else 422)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not into the test's output."""


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        monkeypatch.setenv("TUVI_URLS", f"orchestrator=http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("TUVI_KEY", "k")
        monkeypatch.delenv("TUVI_URL", raising=False)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        server.shutdown()


def test_an_explanation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tuvi", "journeys", "explain", "cart", "--contact", "c"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().out == f"{SHOWN}\nsent\n"


def test_a_problem(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tuvi", "journeys", "explain", "cart", "--contact", "d"])
    assert cli.main() == 1
    assert capsys.readouterr().err == f"error: {SHOWN}\n  line 2: x{SHOWN}\n"
