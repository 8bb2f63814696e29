"""What was refused, as `tuvi events tail` shows it: who sent what sort of thing, and why not.

Nothing of the contents: texts are cut off, and what looks like an address is left out.
"""

import re
from typing import Any

import msgspec

from shared.contracts import RefusedEvent

from .calls import Remark, Sender
from .glance import Event

LONGEST = 80  # characters of an id, a name, a field
LONGEST_MESSAGE = 300
_ADDRESS = re.compile(r"[^\s'\"<>()@]{1,64}@[^\s'\"<>()]{1,255}")  # no address is longer
EXAMPLE = "name@example.com"  # how one is written, in every language's refusal: nobody's
_CUT = "@…"  # the last word of what was cut may be an address's beginning


class _Said(msgspec.Struct):
    """What an event says it is, whatever else is wrong with it."""

    type: Any = None
    event: Any = None


_said = msgspec.json.Decoder(_Said)


def refused_event(sender: Sender, route: str, remark: Remark, raw: Event = b"") -> RefusedEvent:
    """`raw`: the event, if one can be told from the others; the body as a whole has none."""
    said = _read(raw)
    return RefusedEvent(
        workspace=sender.workspace,
        via=sender.via,
        received_at=sender.received_at,
        route=route,
        field=_shown(remark.field),
        message=_shown(remark.message, LONGEST_MESSAGE),
        message_id=_shown(remark.message_id),
        kind=_shown(said.type),
        name=_shown(said.event),
    )


def _read(raw: Event) -> _Said:
    try:
        return _said.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Said()


def _masked(address: re.Match[str]) -> str:
    return address[0] if address[0].rstrip(".,;") == EXAMPLE else "…"


def _shown(value: object, most: int = LONGEST) -> str:
    """Looks at no more of it than it may show: a key that stands in a page can send 32 kB."""
    if not isinstance(value, str):
        return ""
    seen = value if len(value) <= 2 * most else value[: 2 * most] + _CUT
    text = _ADDRESS.sub(_masked, seen)
    return text if len(text) <= most else text[: most - 1] + "…"
