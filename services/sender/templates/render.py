"""Rendering one mail. Runs in a worker process only: minijinja does not bound time and memory."""

import re
from typing import Any

import minijinja
import msgspec

from services.sender.templates import formats
from services.sender.templates.jinja import FILTERS
from services.sender.templates.model import Rendered, RenderFailure

FUEL = 200_000
"""Steps of the template's program; a mail with 50 products takes some 5,000."""
MAX_MAIL = 1_000_000
"""Characters of HTML and text together."""

_BUILTIN_FILTERS_NAMES = (
    "abs attr batch bool capitalize chain count d dictsort e escape first float format "
    "groupby indent int items join last length lines list lower map max min pprint reject "
    "rejectattr replace reverse round safe select selectattr slice sort split string sum "
    "title tojson trim truncate unique upper urlencode wordcount wordwrap zip"
)
_BUILTIN_FILTERS = _BUILTIN_FILTERS_NAMES.split()
_BREAKS = re.compile(r"\n{3,}")
_FORBIDDEN = re.compile(r"[\r\n\0]")
_PLAINLY = {"UndefinedError": "no value"}
_OBJECTS = ("contact", "event", "shop")


class Content(msgspec.Struct, frozen=True, array_like=True):
    """What a worker needs of a compiled template."""

    key: str
    locale: str
    subject: str
    preheader: str
    html: str
    text: str


class Renderer:
    """Compiled templates by key, and mails made of them."""

    def __init__(self) -> None:
        self._locale, self._timezone = "en", "UTC"
        self._contents: dict[str, Content] = {}
        self._broken: dict[str, str] = {}
        self._environment = self._make()

    def _make(self) -> minijinja.Environment:
        environment = minijinja.Environment(
            debug=False,
            fuel=FUEL,
            undefined_behavior="strict",
            auto_escape_callback=lambda name: name.endswith(".html"),
            pycompat=False,
            trim_blocks=True,
            lstrip_blocks=True,
            filters={"money": self._money, "date": self._date},
        )
        for name in _BUILTIN_FILTERS:
            if name not in FILTERS:
                environment.remove_filter(name)
        for name in ("namespace", "debug", "dict"):
            environment.remove_global(name)
        return environment

    def forget(self) -> None:
        self._environment.clear_templates()
        self._contents.clear()
        self._broken.clear()

    def learn(self, content: Content) -> None:
        self._contents[content.key] = content
        try:
            for part in ("subject", "preheader", "text"):
                self._environment.add_template(f"{content.key}.{part}", getattr(content, part))
            self._environment.add_template(f"{content.key}.html", content.html)
        except minijinja.TemplateError as error:
            self._broken[content.key] = _detail(error, content)

    def render(self, key: str, data: dict[str, Any]) -> Rendered | RenderFailure:
        """The mail, or why there is none. Never raises."""
        if key in self._broken:
            return RenderFailure(self._broken[key])
        try:
            return self._render(self._contents[key], data)
        except minijinja.TemplateError as error:
            return RenderFailure(_detail(error, self._contents[key]))
        except formats.FormatError as error:
            return RenderFailure(str(error))
        except Exception as error:  # noqa: BLE001 - MemoryError among others; the pool goes on
            return RenderFailure(type(error).__name__)

    def _render(self, content: Content, data: dict[str, Any]) -> Rendered | RenderFailure:
        for name in _OBJECTS:
            data.setdefault(name, {})
        data.setdefault("cart", {}).setdefault("items", [])
        contact = data["contact"]
        self._locale = formats.locale_of(str(contact.get("locale", "")), content.locale)
        self._timezone = str(contact.get("timezone", "UTC"))
        render = self._environment.render_template
        subject = render(f"{content.key}.subject", **data)
        if _FORBIDDEN.search(subject) or not subject.strip():
            return RenderFailure("the subject is empty or has a line break or NUL in it")
        data["preheader"] = render(f"{content.key}.preheader", **data)
        # minijinja escapes slashes too, which doubles links and hides them from click tracking.
        html = render(f"{content.key}.html", **data).replace("&#x2f;", "/")
        text = _BREAKS.sub("\n\n", render(f"{content.key}.text", **data)).strip() + "\n"
        if len(html) + len(text) > MAX_MAIL:
            return RenderFailure(f"more than {MAX_MAIL:,} characters")
        return Rendered(subject, html, text)

    def _money(self, value: Any, currency: Any = None) -> str:
        return formats.money(value, currency, self._locale)

    def _date(self, value: Any, style: Any = "long") -> str:
        return formats.date(value, style, self._locale, self._timezone)


def _detail(error: minijinja.TemplateError, content: Content) -> str:
    """Part, line, what, and the expression. Not minijinja's own text, which may quote data."""
    part = (error.name or "").rpartition(".")[2]
    what = error.detail or _PLAINLY.get(error.kind, error.kind)
    source = getattr(content, part, "").encode()
    expression = source[slice(*error.range)].decode(errors="replace") if error.range else ""
    return f"{part}:{error.line}: {what}" + (f": `{expression[:80]}`" if expression else "")
