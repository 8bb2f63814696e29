"""Time zones by the names of the IANA, `Europe/Tallinn`."""

from zoneinfo import available_timezones

ZONES = frozenset(available_timezones() - {"localtime", "Factory"})
"""Every name that this machine knows, but for what each takes for its own."""
HINT = "write it as Europe/Tallinn"


def is_zone(name: object) -> bool:
    return isinstance(name, str) and name in ZONES
