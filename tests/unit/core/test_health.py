"""Alive while every partition's loop goes round; what reads nothing is said beside readiness."""

import time
from collections.abc import Iterator

import pytest

from shared.kafka.gauges import Gauges
from shared.service import SILENT_SECONDS, STUCK_SECONDS, Health

STAGE = "health-test"


@pytest.fixture
def partitions() -> Iterator[list[Gauges]]:
    """Three of one stage, all of them just taken."""
    made = [Gauges(STAGE, number) for number in range(3)]
    for gauges in made:
        gauges.taken()
    yield made
    for gauges in made:
        gauges.given_up()


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + seconds)


def test_one_partition_that_is_stuck_is_not_hidden_by_the_others(
    partitions: list[Gauges], monkeypatch: pytest.MonkeyPatch
) -> None:
    health = Health(stages=(STAGE, "another"))
    later(monkeypatch, STUCK_SECONDS + 1)
    for gauges in partitions[1:]:
        gauges.went_round()
    assert health.stuck() == [STAGE]
    partitions[0].given_up()
    assert health.stuck() == []


def test_who_has_no_partition_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, 10 * STUCK_SECONDS)
    health = Health(stages=(STAGE,))
    assert (health.stuck(), health.noted()) == ([], {})


def test_a_stage_that_reads_nothing_says_so_and_stays_alive(
    partitions: list[Gauges], monkeypatch: pytest.MonkeyPatch
) -> None:
    health = Health(stages=(STAGE,), notes={"shop": lambda: "closed"})
    assert health.noted() == {"shop": "closed"}
    later(monkeypatch, SILENT_SECONDS + 5)
    partitions[1].read(time.time())
    noted = health.noted()
    assert noted.keys() == {STAGE, "shop"}
    assert noted[STAGE].startswith("has read nothing for 2")
    assert health.stuck() == []
    assert health.wrong() == {}
