"""Is this call one that the whole of Tuvi can take? If not: which field, and what to do.

Everything that is accepted here decodes in identity and fits into PostgreSQL, so that a caller
learns at once what would otherwise end in the dead letters.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from shared.contracts.addresses import address
from shared.contracts.wire import (
    MAX_NUMBER_CHARACTERS,
    BadCall,
    Call,
    decode,
    email_of,
    given_emails,
    said_at,
)

from .consent import check_consent
from .explaining import explained
from .nesting import check_plain
from .orders import check_order, check_prices, odd_prices

MAX_EVENT_BYTES = 32 * 1024
MAX_BATCH_BYTES = 500 * 1024
MAX_ID = 256
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
MOST_AHEAD = timedelta(hours=1)
FEW_BRACKETS = 32  # no more than these cannot be nested deeper

_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")  # ten times faster than a pattern
_MANY_DIGITS = b"0" * (MAX_NUMBER_CHARACTERS + 1)
NO_ADDRESS = "is no address; write it as name@example.com"
_IDS = ("messageId", "userId", "anonymousId", "previousId")


def checked(raw: bytes, received_at: datetime) -> Call:
    """The call as identity will see it. Raises BadCall."""
    if len(raw) > MAX_EVENT_BYTES:
        raise BadCall("event", f"has {len(raw)} bytes; the limit is {MAX_EVENT_BYTES}")
    if (
        raw.count(b"{") + raw.count(b"[") > FEW_BRACKETS
        or b"\\u0000" in raw
        or _MANY_DIGITS in raw.translate(_DIGITS_ALIKE)
    ):
        check_plain(raw)
    try:
        call = decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise explained(raw, error) from error
    _check_ids(call)
    _check_times(call, received_at)
    if call.type == "track":
        _check_name(call.event)
        check_order(call)
        check_prices(call)
    if call.type != "group":
        check_consent(call.traits)
    return call


def doubts(call: Call) -> list[BadCall]:
    """What will not work of a call that is taken: losing it would be worse."""
    found = odd_prices(call)
    for field, email in given_emails(call):
        if not address(email):
            kind = "property" if field.startswith("properties") else "trait"
            why = f"{NO_ADDRESS}; it was kept as a {kind}, nobody is mailed by it"
            found.append(BadCall(field, why))
    return found


def _check_ids(call: Call) -> None:
    values = (call.message_id, call.user_id, call.anonymous_id, call.previous_id)
    for field, value in zip(_IDS, values, strict=True):
        if value is not None and len(str(value)) > MAX_ID:
            raise BadCall(field, f"is longer than {MAX_ID} characters")
    if call.type == "alias" and not given(call.previous_id):
        raise BadCall("previousId", "is missing; an alias call joins userId and previousId")
    if given(call.user_id) or given(call.anonymous_id):
        return
    if email_of(call):
        return
    for field, _ in given_emails(call):
        raise BadCall(field, f"{NO_ADDRESS}, or give userId or anonymousId: it is the only id")
    raise BadCall("userId", "is missing; give userId, anonymousId or an e-mail (traits.email)")


def given(value: str | int | None) -> bool:
    return value is not None and str(value).strip() != ""


def _check_times(call: Call, received_at: datetime) -> None:
    times = {
        "timestamp": call.timestamp,
        "originalTimestamp": call.original_timestamp,
        "sentAt": call.sent_at,
    }
    told = {field: moment for field, moment in times.items() if moment is not None}
    for field, moment in told.items():
        if moment.tzinfo is None:
            raise BadCall(field, "has no zone; end it with Z or an offset such as +02:00")
    try:
        at = said_at(call, received_at)
    except OverflowError as error:
        raise BadCall(next(iter(told)), "is beyond the calendar; check the clock") from error
    if at is None:
        return
    field = _at_fault(told, received_at)
    if at < OLDEST:
        raise BadCall(field, "lies before the year 2000; check the clock and the unit")
    if at > received_at + MOST_AHEAD:
        raise BadCall(field, "lies more than an hour in the future; check the clock and the zone")


def _at_fault(told: dict[str, datetime], received_at: datetime) -> str:
    """Which of the times to name: the first that is absurd by itself."""
    for field, moment in told.items():
        if not OLDEST <= moment <= received_at + MOST_AHEAD:
            return field
    return next(iter(told))


def _check_name(name: str | None) -> None:
    if name is None or not name.strip():
        raise BadCall("event", "is missing; give the event's name, such as Product Added")
    if len(name) > MAX_ID:
        raise BadCall("event", f"is longer than {MAX_ID} characters")
