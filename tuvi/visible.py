"""Strangers' words on a terminal: an event's name must not move its cursor or its colours."""

_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_LINES = (0x2028, 0x2029)
_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}  # ␛ for ESC
_SHOWN = _PICTURES | dict.fromkeys((*range(0x80, 0xA0), *_BIDI, *_LINES), 0xFFFD)


def visible(text: str) -> str:
    """On one line and as it stands: each control character as a sign that does nothing."""
    return text.translate(_SHOWN)


def visible_lines(text: str) -> str:
    """The same of a text of ours that has lines."""
    return "\n".join(map(visible, text.split("\n")))
