"""A strict, linear scanner of MJML and HTML, for lint and the text part."""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from services.sender.templates.jinja import ProblemError

VOID = frozenset(["area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"])

_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'<>=]+))?""")
_TAG = re.compile(r"""<(/?)([A-Za-z][\w:-]*)((?:"[^"]*"|'[^']*'|[^"'<>])*)>""")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


class Event(msgspec.Struct, frozen=True):
    """`name` is the tag's; `raw` the source; a void or self-closed tag is an `empty`."""

    kind: Literal["start", "end", "empty", "text", "comment"]
    at: int
    raw: str
    name: str = ""
    attributes: dict[str, str] = {}


def scan(text: str) -> Iterator[Event]:
    """Events whose `raw` joined together are the text. What is no tag is a `ProblemError`."""
    at = 0
    while (start := text.find("<", at)) >= 0:
        if start > at:
            yield Event("text", at, text[at:start])
        event = _markup(text, start)
        yield event
        at = start + len(event.raw)
    if at < len(text):
        yield Event("text", at, text[at:])


def _markup(text: str, at: int) -> Event:
    if text.startswith("<!--", at):
        comment = _COMMENT.match(text, at)
        if comment is None:
            raise ProblemError(at, "<!-- is never closed", "end it with -->")
        return Event("comment", at, comment.group())
    found = _TAG.match(text, at)
    if found is None:
        raise ProblemError(at, "'<' that begins no tag", "write &lt; or close the tag's quotes")
    closing, name, rest = found[1], found[2], found[3]
    if not name.lower().startswith("mj"):  # MJML's own are small letters, HTML's are as you like
        name = name.lower()
    if closing:
        return Event("end", at, found.group(), name)
    empty = rest.rstrip().endswith("/") or name in VOID
    kind: Literal["empty", "start"] = "empty" if empty else "start"
    return Event(kind, at, found.group(), name, _attributes(rest))


def _attributes(text: str) -> dict[str, str]:
    found = {}
    for name, value in _ATTRIBUTE.findall(text):
        found[name] = value[1:-1] if value[:1] in ('"', "'") else value
    return found
