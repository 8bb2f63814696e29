"""How values are read: numbers exactly, instants and spans as whole microseconds."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DAYS = 36_500
SPAN_FORMS = "write 90d, 12h, 30m or 45s (a d is exactly 24 hours)"

# Amounts have up to 15 digits before the point and 20 after: with 60 digits no sum is ever
# rounded, so sums do not depend on the order in which events come.
EXACT = Context(prec=60)
_LARGEST = Decimal(10) ** 15
_MOST_DECIMALS = 20
_FINEST = Decimal(1).scaleb(-_MOST_DECIMALS)
_FEW = 15  # characters, which no number that is too large or too fine can do with

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_SPAN = re.compile(r"([0-9]{1,10})([dhms])", re.ASCII)
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DATE_LENGTH = len("2026-01-31")


def number(value: object) -> Decimal | None:
    """A finite number, or a text that reads as one (JSON carries decimals as text); else None."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        exact = Decimal(repr(float(value)))
        return exact if exact.is_finite() else None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    return None


def amount(value: object) -> Decimal | None:
    """A number small enough for exact sums, under 10^15, with 20 decimals at most; else None."""
    if type(value) is Decimal and len(digits := str(value)) <= _FEW and "E" not in digits:
        return value if value.is_finite() else None  # as nearly all are
    found = number(value)
    if found is None or found.copy_abs() >= _LARGEST:
        return None
    exponent = found.as_tuple().exponent
    fine = isinstance(exponent, int) and exponent < -_MOST_DECIMALS
    return found.quantize(_FINEST, context=EXACT) if fine else found


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    passed = moment - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def moment(at: int) -> datetime | None:
    """The datetime of `micros`, or None if no calendar reaches it."""
    try:
        return EPOCH + timedelta(microseconds=at)
    except OverflowError:
        return None


def instant(value: object) -> int | None:
    """Microseconds of a datetime, a date (its midnight) or ISO 8601 text, UTC if unsaid."""
    if isinstance(value, str):
        if len(value) < _DATE_LENGTH or value[4] != "-":
            return None
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return micros(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return micros(datetime(value.year, value.month, value.day, tzinfo=UTC))
    return None


def duration(text: object) -> timedelta | None:
    """`90d`, `12h`, `30m`, `45s` as a timedelta, up to 36500d; None for everything else."""
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    seconds = int(found[1]) * _SECONDS[found[2]]
    return timedelta(seconds=seconds) if 0 < seconds <= MAX_DAYS * 86_400 else None
