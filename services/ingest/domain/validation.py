"""Is this call one that the whole of Tuvi can take? If not: which field, and what to do.

Everything that is accepted here decodes in identity and fits into PostgreSQL, so that a caller
learns at once what would otherwise end in the dead letters.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from shared.contracts.addresses import address
from shared.contracts.wire import (
    MAX_ID,
    Arrival,
    BadCall,
    Call,
    context_traits,
    decode,
    email_of,
    given_emails,
    said_at,
    stated_traits,
)
from shared.contracts.zones import HINT as ZONE_HINT
from shared.contracts.zones import is_zone

from .consent import check_consent
from .explaining import explained
from .nesting import check_plain
from .orders import check_goods, odd_prices

MAX_EVENT_BYTES = 32 * 1024
MAX_BATCH_BYTES = 500 * 1024
MAX_BATCH_EVENTS = 2500  # SDKs send 100 to 250; a body of nothing but `1,1,1` must cost little
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
MOST_AHEAD = timedelta(hours=1)
FEW_BRACKETS = 32  # no more than these cannot be nested deeply

NO_ADDRESS = "is no address; write it as name@example.com"
NO_ZONE = f"is no time zone; {ZONE_HINT}; quiet hours do not go by it"


def checked(raw: bytes, arrival: Arrival) -> Call:
    """The call as identity will see it. Raises BadCall."""
    if len(raw) > MAX_EVENT_BYTES:
        much = f"has {len(raw)} bytes; the limit is {MAX_EVENT_BYTES}"
        raise BadCall("event", f"{much}, so leave out or shorten what stands in it")
    if b"\\u0000" in raw or raw.count(b"{") + raw.count(b"[") > FEW_BRACKETS:
        check_plain(raw)
    try:
        call = decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise explained(raw, error) from error
    _check_ids(call)
    _check_times(call, arrival)
    if call.type == "track":
        _check_name(call.event)
        check_goods(call)
    if call.type != "group":
        check_consent(call.traits)
    if call.type == "identify":
        check_consent(context_traits(call), "context.traits")
    return call


def doubts(call: Call) -> list[BadCall]:
    """What will not work of a call that is taken: losing it would be worse."""
    found = odd_prices(call)
    for field, email in given_emails(call):
        if not address(email):
            kind = "property" if field.startswith("properties") else "trait"
            why = f"{NO_ADDRESS}; it was kept as a {kind}, nobody is mailed by it"
            found.append(BadCall(field, why))
    return found + [BadCall(field, NO_ZONE) for field in _odd_zones(call)]


def _odd_zones(call: Call) -> list[str]:
    """The fields that give the contact a time zone which is none. Not `context.timezone`: some
    libraries report such, and nobody can mend it.
    """
    given = {f"{at}.timezone": said.get("timezone") for at, said in stated_traits(call).items()}
    zones = {field: str(zone).strip() for field, zone in given.items() if zone is not None}
    return [field for field, zone in zones.items() if zone and not is_zone(zone)]


def _check_ids(call: Call) -> None:
    for field, given_id in _ids(call).items():
        if isinstance(given_id, int) and len(str(given_id)) > MAX_ID:
            raise BadCall(field, f"is longer than {MAX_ID} digits")
    if call.type == "alias" and not given(call.previous_id):
        raise BadCall("previousId", "is missing; an alias call joins userId and previousId")
    if given(call.user_id) or given(call.anonymous_id):
        return
    if email_of(call):
        return
    for field, _ in given_emails(call):
        raise BadCall(field, f"{NO_ADDRESS}, or give userId or anonymousId: it is the only id")
    raise BadCall("userId", "is missing; give userId, anonymousId or an e-mail (traits.email)")


def _ids(call: Call) -> dict[str, str | int | None]:
    return {
        "messageId": call.message_id,
        "userId": call.user_id,
        "anonymousId": call.anonymous_id,
        "previousId": call.previous_id,
    }


def given(value: str | int | None) -> bool:
    return value is not None and str(value).strip() != ""


def _check_times(call: Call, arrival: Arrival) -> None:
    said, received_at = call.timestamp, arrival.received_at
    if said is None and call.original_timestamp is None and call.sent_at is None:
        return
    plain = said is not None and said.tzinfo is not None and not (call.sent_at or arrival.sent_at)
    if plain and said is not None and OLDEST <= said <= received_at:
        return  # nothing to correct, nothing to refuse
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
        at = said_at(call, arrival)
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
