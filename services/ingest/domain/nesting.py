"""The slower look at a call: how deep it is, and NUL in a text or a key."""

from typing import Any

import msgspec

from shared.contracts.wire import BadCall

from .explaining import explained

MAX_DEPTH = 400  # no reader of ours goes deeper; from the 33rd level on it is kept as text
_decoder = msgspec.json.Decoder(float_hook=str)

WHOLE = "event"  # what to call the field if the fault is in none of them


def check_plain(raw: bytes) -> None:
    """Raises BadCall with the path of the first fault."""
    try:
        plain = _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise explained(raw, error) from error
    _check("", plain, 0)


def _check(path: str, value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        field = path.split("[", 1)[0].split(".", 1)[0]
        raise BadCall(field or WHOLE, f"is nested deeper than {MAX_DEPTH} levels; send it flatter")
    if isinstance(value, str):
        _check_text(path, value)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(f"{path}[{index}]", item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(path or WHOLE, key)
            _check(f"{path}.{key}" if path else key, item, depth + 1)


def _check_text(path: str, text: str) -> None:
    if "\x00" in text:
        raise BadCall(path or WHOLE, "has a NUL character (\\u0000) in it; leave it out")
