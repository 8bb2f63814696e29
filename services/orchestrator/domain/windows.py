"""When a mail may go out: quiet hours in a contact's own time as allowed windows in UTC."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from services.orchestrator.domain.model import Hours
from shared.contracts.zones import is_zone

Window = tuple[datetime, datetime]
MAX_WINDOWS = 40
_DAY = timedelta(days=1)


def windows(
    quiet: Hours | None, timezone: str, start: datetime, end: datetime
) -> list[Window] | None:
    """The parts of [start, end) in UTC, at most 40, in which it is not quiet there.

    Empty: always, there are no quiet hours. None: never, all of it is quiet.
    """
    if quiet is None:
        return []
    zone = zone_of(timezone)
    quiet_from, quiet_to = quiet
    allowed: list[Window] = []
    day = start.astimezone(zone).date() - _DAY
    while len(allowed) < MAX_WINDOWS:
        _, opens = _instants(day, quiet_to, zone)
        if opens >= end:
            break
        closing_day = day if quiet_from > quiet_to else day + _DAY
        closes, _ = _instants(closing_day, quiet_from, zone)
        window = max(opens, start), min(closes, end)
        if window[0] < window[1]:
            allowed.append(window)
        day += _DAY
    return allowed or None


def length(quiet: Hours) -> timedelta:
    """How long it is quiet, on a day without a clock change."""
    begins, ends = (timedelta(hours=at.hour, minutes=at.minute) for at in quiet)
    return (ends - begins) % _DAY


def _instants(day: date, at: time, zone: tzinfo) -> tuple[datetime, datetime]:
    """A local time of day in UTC: the first and the last that it may be, which differ where a
    clock change skips or repeats it. Rather an hour too long than a mail at night.
    """
    folds = (datetime.combine(day, at.replace(fold=fold), zone) for fold in (0, 1))
    first, last = sorted(moment.astimezone(UTC) for moment in folds)
    return first, last


def zone_of(name: str) -> tzinfo:
    """The zone, or UTC for a name that is none."""
    return ZoneInfo(name) if is_zone(name) else UTC
