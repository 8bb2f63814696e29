"""The text part, from the MJML itself: its words and links in order, without the layout."""

from collections.abc import Iterator

from inscriptis import get_text
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.model.config import ParserConfig

from services.sender.templates.jinja import TOKEN
from services.sender.templates.markup import Event
from services.sender.templates.mjml_tags import WITH_HTML

_INLINE_NAMES = "a b strong i em u s span small sup sub br"
_INLINE = frozenset(_INLINE_NAMES.split())
_BLOCK_NAMES = "p div h1 h2 h3 h4 h5 h6 ul ol li blockquote pre"
_BLOCK = frozenset(_BLOCK_NAMES.split())
_SILENT = frozenset({"style", "script"})
_CONFIG = ParserConfig(css=STRICT_CSS_PROFILE.copy())


def plain_text(events: list[Event]) -> str:
    """Text with Jinja's tokens still in it. `events` are those of a linted body."""
    page = "".join(_pieces(events))
    text = get_text(f"<html><body>{page}</body></html>", _CONFIG)
    lines = [line.strip() for line in text.splitlines()]
    return "\n".join(lines).strip() + "\n"


def _pieces(events: list[Event]) -> Iterator[str]:
    """The body as HTML of paragraphs, one after the other."""
    inside, content, silent, links = False, "", "", [""]
    for event in events:
        if event.name == "mj-body":
            inside = event.kind == "start"
        elif event.name in _SILENT:
            silent = event.name if event.kind == "start" else ""
        elif not inside or silent:
            continue
        elif event.kind == "text":
            yield event.raw if content else _statements(event.raw)
        elif event.name in WITH_HTML:
            content = event.name if event.kind == "start" else ""
            yield _linked(event, links, "<p>", ": {}</p>", "</p>")
        elif event.name == "a":
            yield _linked(event, links, "", " ({})", "")
        else:
            yield _element(event)


def _linked(event: Event, links: list[str], start: str, end: str, bare_end: str) -> str:
    """An element whose link, if it has one, is written after its words."""
    if event.kind == "start":
        links.append(event.attributes.get("href", ""))
        return start
    link = links.pop()
    return end.format(link) if link else bare_end


def _statements(text: str) -> str:
    return "".join(f"<div>{found.group()}</div>" for found in TOKEN.finditer(text))


def _element(event: Event) -> str:
    name = event.name
    if name == "mj-image" and event.attributes.get("href") and event.attributes.get("alt"):
        alt, link = event.attributes["alt"], event.attributes["href"]
        return f"<p>{alt}: {link}</p>"
    if name in ("mj-divider", "hr"):
        return "<p>----</p>"
    if name in ("td", "th"):
        return " " if event.kind == "end" else ""
    if name in ("tr", "br"):
        return "<br>" if event.kind != "start" else ""
    return event.raw if name in _BLOCK or name in _INLINE else ""
