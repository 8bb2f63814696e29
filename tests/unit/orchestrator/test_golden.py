"""Recorded histories, replayed: the same inputs must have the same effects, byte for byte.

A history is a file of `steps`: an input, the business time it came at, and the effects it had.
What changes here changes what shops' customers are sent: look at the difference, then record anew
with `python -m tests.unit.orchestrator.record`.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.orchestrator.domain import Due, Journeys, empty, transition
from shared.contracts import ContactEvent, ContactsMerged, RunsHandedOver, encode
from shared.contracts.codec import decode_plain
from tests.unit.orchestrator.world import starter

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
INPUTS = {
    "ContactEvent": ContactEvent,
    "ContactsMerged": ContactsMerged,
    "RunsHandedOver": RunsHandedOver,
    "Due": Due,
}


def replay(history: dict[str, Any]) -> list[tuple[Any, Any]]:
    """For each step: the effects that were recorded, and those of now, as plain data."""
    journeys = Journeys([starter(name) for name in history["journeys"]])
    state = empty("default", history["contact"])
    found = []
    for step in history["steps"]:
        given = msgspec.convert(step["given"]["value"], INPUTS[step["given"]["type"]])
        now = msgspec.convert(step["now"], type=_datetime)
        state, effects = transition(state, given, journeys, now)
        found.append((step["effects"], recorded(effects)))
    return found


def recorded(effects: list[Any]) -> list[Any]:
    """Effects as they stand in a file."""
    plain: list[Any] = decode_plain(encode([[type(e).__name__, e] for e in effects]))
    return plain


_datetime = Due.__annotations__["horizon"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_history_repeats_itself(path: Path) -> None:
    for number, (was, now) in enumerate(replay(decode_plain(path.read_bytes()))):
        assert encode(now) == encode(was), f"step {number} of {path.stem}"


def test_the_histories_are_there() -> None:
    assert {path.stem for path in GOLDEN} >= {"reminded-and-bought", "bought-in-time", "merged"}


def test_an_altered_history_is_noticed() -> None:
    """A minute's difference in one input must show, or the replay proves nothing."""
    (path,) = [path for path in GOLDEN if path.stem == "reminded-and-bought"]
    history = decode_plain(path.read_bytes())
    checkout = history["steps"][1]["given"]["value"]["event"]
    assert checkout["at"] == "2026-11-02T09:30:00Z"
    checkout["at"] = "2026-11-02T09:29:00Z"
    assert any(encode(was) != encode(now) for was, now in replay(history))
