"""What MJML's compiler passes silently and a reader would suffer from."""

import re
from collections.abc import Iterator

from services.sender.templates.jinja import TOKEN, Problem, Tag, number
from services.sender.templates.markup import Event
from services.sender.templates.mjml_tags import ATTRIBUTES, CHILDREN, DEFAULTS, WITH_HTML
from shared.hints import did_you_mean

MAX_DEPTH = 60
_VARIES_NAMES = "href src srcset alt title rel name css-class background-url"
_VARIES = frozenset(_VARIES_NAMES.split())
_BLOCKS = frozenset({"if", "for", "with", "filter", "macro", "call"})
_ALT = frozenset({"mj-image", "mj-carousel-image", "img"})
_HREF = frozenset({"mj-button", "mj-navbar-link"})
_OUTSIDE_HTML = re.compile(r"^(mj-|mjml$)")


def lint(events: list[Event], tags: list[Tag]) -> Iterator[Problem]:
    """Unknown and misplaced tags, unknown attributes, missing alt and href, unclosed tags."""
    open_tags: list[Event] = []
    blocks: list[tuple[str, int]] = []
    for event in events:
        if event.kind in ("start", "empty"):
            yield from _placed(event, open_tags)
            yield from _attributes(event, open_tags)
        if event.kind == "start":
            open_tags.append(event)
            if len(open_tags) > MAX_DEPTH:
                yield Problem(event.at, f"tags nested more than {MAX_DEPTH} deep")
                return
        elif event.kind == "end":
            if not open_tags or open_tags[-1].name != event.name:
                yield _wrong_end(event, open_tags)
                return
            open_tags.pop()
        elif event.kind == "text":
            yield from _text(event, open_tags, tags)
            yield from _crossing(event, open_tags[-1].at if open_tags else -1, blocks, tags)
    if open_tags:
        yield Problem(open_tags[-1].at, f"<{open_tags[-1].name}> is never closed")
    names = [event.name for event in events if event.kind == "start"]
    if names.count("mjml") != 1 or names.count("mj-body") != 1:
        yield Problem(0, "a mail is one <mjml> with one <mj-body>", "<mjml><mj-body>…")


def _wrong_end(event: Event, open_tags: list[Event]) -> Problem:
    if not open_tags:
        return Problem(event.at, f"</{event.name}> closes nothing")
    return Problem(event.at, f"</{event.name}> where </{open_tags[-1].name}> is due")


def _placed(event: Event, open_tags: list[Event]) -> Iterator[Problem]:
    name, parent = event.name, open_tags[-1].name if open_tags else ""
    within_html = any(tag.name in WITH_HTML for tag in open_tags)
    if name == "mj-include":
        yield Problem(event.at, "mj-include is not used", 'write {% include "_file.mjml" %}')
    elif within_html:
        if _OUTSIDE_HTML.match(name):
            yield Problem(event.at, f"<{name}> inside <{parent}>", "only HTML may stand there")
    elif parent == "mj-attributes":
        if name not in ATTRIBUTES and name not in ("mj-all", "mj-class"):
            yield Problem(event.at, f"unknown tag <{name}>", did_you_mean(name, ATTRIBUTES))
    elif name not in ATTRIBUTES:
        hint = did_you_mean(name, ATTRIBUTES, "HTML goes into mj-text or mj-raw")
        yield Problem(event.at, f"unknown tag <{name}>", hint)
    elif not parent:
        if name != "mjml":
            yield Problem(event.at, f"<{name}> outside of <mjml>")
    elif name not in CHILDREN.get(parent, frozenset()):
        allowed = ", ".join(sorted(CHILDREN.get(parent, ()))) or "nothing"
        yield Problem(event.at, f"<{name}> cannot stand in <{parent}>", f"there: {allowed}")


def _attributes(event: Event, open_tags: list[Event]) -> Iterator[Problem]:
    name = event.name
    defaults = bool(open_tags) and open_tags[-1].name == "mj-attributes"
    known = DEFAULTS if defaults else ATTRIBUTES.get(name)
    for attribute, value in event.attributes.items():
        if TOKEN.search(attribute):
            hint = "put it around the tag, or inside of the quotes"
            yield Problem(event.at, f"Jinja between the attributes of <{name}>", hint)
        elif known is not None and attribute not in known:
            hint = did_you_mean(attribute, known)
            yield Problem(event.at, f"unknown attribute {attribute!r} of <{name}>", hint)
        elif known is not None and TOKEN.search(value) and not _may_vary(attribute):
            hint = "the layout is fixed when published: use {% if %} around two of them"
            yield Problem(event.at, f"{attribute!r} of <{name}> cannot be a variable", hint)
    if defaults:
        return
    if name in _ALT and "alt" not in event.attributes:
        yield Problem(event.at, f"<{name}> has no alt", 'say what it shows; alt="" for decoration')
    if name in _HREF and not event.attributes.get("href"):
        yield Problem(event.at, f"<{name}> has no href", "where does it lead?")


def _may_vary(attribute: str) -> bool:
    return attribute in _VARIES or attribute.endswith("color")


def _text(event: Event, open_tags: list[Event], tags: list[Tag]) -> Iterator[Problem]:
    if not all(tag.name in ATTRIBUTES and tag.name not in WITH_HTML for tag in open_tags):
        return
    statements_gone = TOKEN.sub(lambda m: m[0] if tags[number(m)].is_output else "", event.raw)
    if loose := statements_gone.split(maxsplit=1):
        at = event.at + event.raw.index(loose[0])
        hint = "text goes into <mj-text>"
        told = TOKEN.sub(lambda m: tags[number(m)].text, loose[0])[:30]
        yield Problem(at, f"text outside of any content tag: {told!r}", hint)


def _crossing(
    event: Event, parent: int, blocks: list[tuple[str, int]], tags: list[Tag]
) -> Iterator[Problem]:
    """Blocks that begin in one tag and end in another: leaving one out would break the mail."""
    for found in TOKEN.finditer(event.raw):
        word = tags[number(found)].statement
        if word in _BLOCKS:
            blocks.append((word, parent))
        elif word.removeprefix("end") in _BLOCKS and blocks:
            began, where = blocks.pop()
            if where != parent:
                hint = "begin and end it inside of the same tag"
                message = f"{{% {word} %}} in another tag than its {{% {began} %}}"
                yield Problem(event.at + found.start(), message, hint)
