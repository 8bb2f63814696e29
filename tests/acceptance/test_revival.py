"""A service of `tuvi up` that dies is started again, but not for ever."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.processes import Child, Program, StackError
from deploy.local.revival import DEATHS, Revival


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Child]:
    script = "echo open; exec sleep 60"
    child = Child(Program("shop", ["sh", "-c", script], tmp_path / "shop.log"))
    child.start()
    yield child
    child.stop()


def _dead(child: Child) -> None:
    deadline = time.monotonic() + 10
    while child.running:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_that_was_killed_runs_again_and_that_is_said(shop: Child) -> None:
    told: list[str] = []
    revival, before = Revival(told.append), shop.pid
    revival.look([shop])
    assert (shop.pid, told) == (before, [])
    os.kill(before, signal.SIGKILL)
    _dead(shop)
    revival.look([shop])
    assert shop.running
    assert shop.pid != before
    assert told == ["shop was killed by SIGKILL; it is started again"]


def test_one_that_cannot_live_ends_the_stack_with_the_end_of_its_log(tmp_path: Path) -> None:
    told: list[str] = []
    child = Child(Program("shop", ["sh", "-c", "echo no money; exit 3"], tmp_path / "shop.log"))
    child.start()
    revival = Revival(told.append)
    for _ in range(DEATHS - 1):
        _dead(child)
        revival.look([child])
    _dead(child)
    with pytest.raises(StackError, match=r"shop ended 5 times within a minute(.|\n)*no money"):
        revival.look([child])
    assert told == ["shop ended with code 3; it is started again"] * (DEATHS - 1)
