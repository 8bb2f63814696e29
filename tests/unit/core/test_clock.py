"""Business time, as every process computes it."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.clock import BusinessLine

WALL = datetime(2026, 6, 1, tzinfo=UTC)
BUSINESS = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(("speed", "minutes"), [(1.0, 10), (2.5, 25), (0.0, 0)])
def test_the_line_runs_at_its_speed_from_its_origin_by_the_databases_clock(
    speed: float, minutes: int
) -> None:
    line = BusinessLine(WALL, BUSINESS, speed, timedelta(minutes=-3))
    assert line.at(WALL + timedelta(minutes=13)) == BUSINESS + timedelta(minutes=minutes)
