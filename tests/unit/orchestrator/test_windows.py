"""Quiet hours: minute by minute what a clock on the contact's wall says."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orchestrator.domain.windows import MAX_WINDOWS, windows

MINUTE = timedelta(minutes=1)
NIGHT = (time(21), time(8))


def test_the_night_in_tallinn_is_not_the_night_in_utc() -> None:
    start = datetime(2026, 11, 2, 18, tzinfo=UTC)  # 20:00 there
    assert windows(NIGHT, "Europe/Tallinn", start, start + timedelta(hours=14)) == [
        (start, start + timedelta(hours=1)),
        (start + timedelta(hours=12), start + timedelta(hours=14)),
    ]


def test_no_quiet_hours_is_always_and_all_quiet_is_never() -> None:
    start = datetime(2026, 11, 2, 22, tzinfo=UTC)
    end = start + timedelta(hours=2)
    assert windows(None, "Europe/Tallinn", start, end) == []
    assert windows(NIGHT, "UTC", start, end) is None


@pytest.mark.parametrize("name", ["", "Mars/Base", "../../etc/passwd", "Europe", "\0"])
def test_a_zone_that_is_none_is_utc(name: str) -> None:
    start = datetime(2026, 11, 2, 7, tzinfo=UTC)
    (first, *_) = windows(NIGHT, name, start, start + timedelta(hours=3)) or []
    assert first[0].hour == 8


@pytest.mark.parametrize(
    ("zone", "night", "quiet"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC), (time(22), time(2, 30))),
        ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC), (time(2, 30), time(9))),
        ("America/Havana", datetime(2026, 11, 1, tzinfo=UTC), (time(23, 30), time(0, 30))),
        ("Atlantic/Azores", datetime(2026, 10, 25, tzinfo=UTC), (time(23, 30), time(0, 30))),
    ],
)
def test_nothing_goes_out_in_an_hour_that_a_clock_change_skips_or_repeats(
    zone: str, night: datetime, quiet: tuple[time, time]
) -> None:
    begin = night - timedelta(hours=12)
    found = windows(quiet, zone, begin, begin + timedelta(days=2))
    assert found
    for opens, closes in found:
        minutes = int((closes - opens) / MINUTE)
        walls = [(opens + n * MINUTE).astimezone(ZoneInfo(zone)).time() for n in range(minutes)]
        assert not [wall for wall in walls if _quiet(wall, quiet)]


def test_no_more_windows_than_a_mail_can_need() -> None:
    start = datetime(2026, 11, 2, 12, tzinfo=UTC)
    assert len(windows(NIGHT, "UTC", start, start + timedelta(days=90)) or []) == MAX_WINDOWS


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["Europe/Tallinn", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(1, 40),
    st.tuples(st.times(), st.times()).filter(lambda t: t[0] != t[1]),
)
def test_every_minute_is_allowed_or_quiet_as_the_wall_says(
    zone: str, start: datetime, length: int, quiet: tuple[time, time]
) -> None:
    start = start.replace(second=0, microsecond=0)
    quiet = quiet[0].replace(second=0, microsecond=0), quiet[1].replace(second=0, microsecond=0)
    if quiet[0] == quiet[1]:
        return
    end = start + timedelta(hours=length)
    allowed = windows(quiet, zone, start, end)
    assert allowed != []
    allowed = allowed or []
    for (_, closes), (opens, _) in pairwise(allowed):
        assert closes <= opens
    at = start
    while at < end:
        inside = any(opens <= at < closes for opens, closes in allowed)
        local = at.astimezone(ZoneInfo(zone))
        assert not (inside and _quiet(local.time(), quiet)), (local, allowed)
        if not _clock_changes_near(local):  # there it may be held for longer than it must
            assert inside or _quiet(local.time(), quiet), (local, allowed)
        at += MINUTE * 17


def _quiet(wall: time, quiet: tuple[time, time]) -> bool:
    late = quiet[0] > quiet[1]
    return wall >= quiet[0] or wall < quiet[1] if late else quiet[0] <= wall < quiet[1]


def _clock_changes_near(local: datetime) -> bool:
    """In the hours around a change of the clock a time of day is there twice or not at all."""
    zone = local.tzinfo
    around = [local.astimezone(UTC) + timedelta(hours=hours) for hours in (-3, 3)]
    return len({moment.astimezone(zone).utcoffset() for moment in around}) > 1
