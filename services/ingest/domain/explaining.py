"""What the decoder says -> the field and the fix, in a caller's words."""

import re
from typing import Any, get_args

import msgspec

from shared.contracts.wire import MAX_ID, BadCall, Kind
from shared.hints import did_you_mean

KINDS: tuple[str, ...] = get_args(Kind)
TIME = "is no time; write it as ISO 8601 with a zone, such as 2026-01-31T09:00:00Z"
ID = "must be a text or a whole number"
OBJECT = 'must be an object, such as {"name": "value"}'

_WHERE = re.compile(r" - at `\$\.?(.*)`$")
_LONE_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*(\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|[c-fC-F][0-9a-fA-F]{2}))"
)
_GZIP = b"\x1f\x8b"
_TYPO = 0.75  # `trak` is near, `purchase` is an event's name and no odd way to write `page`
_FIXES = {
    "event": "must be a text, the event's name",
    **dict.fromkeys(("messageId", "userId", "anonymousId", "previousId"), ID),
    **dict.fromkeys(("timestamp", "originalTimestamp", "sentAt"), TIME),
    **dict.fromkeys(("properties", "traits", "context"), OBJECT),
}


class _TypeOnly(msgspec.Struct):
    type: Any = None


def explained(raw: bytes, error: Exception, whole: str = "event") -> BadCall:
    """`whole`: what to call the field if the fault is in none, `event` or `body`."""
    if isinstance(error, RecursionError):
        return BadCall(whole, "is nested too deeply; send it flatter")
    if raw.startswith(_GZIP):
        return BadCall(whole, "looks like gzip; say so: Content-Encoding: gzip")
    if not raw.strip():
        return BadCall(whole, "is empty; send JSON")
    if isinstance(error, UnicodeDecodeError):
        return BadCall(whole, f"is not UTF-8 (byte {error.start}); encode the text as UTF-8")
    if not isinstance(error, msgspec.ValidationError):
        return BadCall(whole, _malformed(raw, str(error)))
    return _misfit(raw, str(error), whole)


def _misfit(raw: bytes, text: str, whole: str) -> BadCall:
    """JSON, but not what a call is made of."""
    found = _WHERE.search(text)
    field = found.group(1) if found else ""
    if field == "type" or "required field `type`" in text:
        return _of_type(raw)
    if "of length <=" in text:
        return BadCall(field, f"is longer than {MAX_ID} characters")
    if "[...]" in field or "out of range" in text or "number" in text:
        what = text.split(" - at ", maxsplit=1)[0]
        return BadCall(
            field.replace("[...]", "") or whole, f"contains {what[:1].lower()}{what[1:]}"
        )
    return BadCall(field or whole, _FIXES.get(field, f"must be an object ({text})"))


def _malformed(raw: bytes, text: str) -> str:
    """A lone surrogate is refused in words of its own: the decoder calls it truncated."""
    lone = _LONE_SURROGATE.search(raw)
    if lone and "malformed" not in text:
        return f"has half a surrogate pair (byte {lone.start(1)}); send the whole character"
    return f"is no JSON: {text.removeprefix('JSON is malformed: ')}"


def _of_type(raw: bytes) -> BadCall:
    one_of = ", ".join(KINDS)
    try:
        given = msgspec.json.decode(raw, type=_TypeOnly).type
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return BadCall("event", _malformed(raw, str(error)))
    if given is None:
        return BadCall("type", f"is missing; give one of {one_of}")
    otherwise = f"give one of {one_of}; event names go into `event`, with type track"
    hint = did_you_mean(str(given).lower(), KINDS, otherwise, likeness=_TYPO)
    return BadCall("type", f"{str(given)[:40]!r} is unknown; {hint}")
