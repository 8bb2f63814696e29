"""The page behind a mail's link: unsubscribe, and what else may be chosen. No script, one file."""

import secrets
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

from fastapi.responses import HTMLResponse

from services.ingest.domain.languages import LANGUAGES, Language
from services.ingest.domain.preferences import ACTION, FREQUENCIES

ONE_CLICK = ("List-Unsubscribe", "One-Click")


class Topic(NamedTuple):
    """One that can be switched. `id` empty: all marketing."""

    id: str
    title: str
    on: bool = False


class Present(NamedTuple):
    """What holds now. `language`: a code that we speak, or empty."""

    topics: tuple[Topic, ...]
    frequency: str = "normal"
    language: str = ""


class Page(NamedTuple):
    """What all pages know: the language they are in, the topic of the mail."""

    language: Language
    topic: Topic

    def about(self, text: str, all_marketing: str) -> str:
        """A text about the mail's topic, or about all marketing."""
        return text.format(topic=self.name) if self.topic.id else all_marketing

    @property
    def name(self) -> str:
        return f"<b>{escape(self.topic.title)}</b>"


def ask(page: Page, present: Present | None, *, left: bool = False) -> HTMLResponse:
    """Nothing has happened yet. `left`: already unsubscribed from the mail's topic."""
    words = page.language.preferences
    if left:
        text = page.about(words.left, words.left_all)
        return _page(page.language, words.left_title, f"<p>{text}</p>", _rest(page, present))
    leave = page.about(words.leave, words.leave_all)
    button = page.about(words.leave_button, words.leave_all_button)
    body = (
        f"<p>{leave}</p>{_form(page)}{_hidden(*ONE_CLICK)}"
        f'<button type="submit">{button}</button></form>'
    )
    return _page(page.language, words.leave_title, body, _rest(page, present))


def left(page: Page) -> HTMLResponse:
    """The one click has been kept."""
    words = page.language.preferences
    text = f"<p>{page.about(words.left, words.left_all)} {words.close}</p>"
    back = f'<p><a href="?lang={page.language.code}">{words.back}</a></p>'
    return _page(page.language, words.left_title, text + back)


def saved(page: Page, present: Present | None, *, changed: bool) -> HTMLResponse:
    """The form has been kept; `present` is what holds from now on."""
    words = page.language.preferences
    told = words.saved if changed else words.unchanged
    return _page(page.language, told, f"<p>{words.close}</p>", _rest(page, present))


def failed(page: Page) -> HTMLResponse:
    """Kafka did not take it in time: the same form, sent again, will do."""
    words = page.language.preferences
    answer = _page(page.language, words.failed_title, f"<p>{words.failed}</p>", status=503)
    answer.headers["retry-after"] = "2"
    return answer


def unknown(language: Language) -> HTMLResponse:
    """A link that is cut off or not ours."""
    words = language.preferences
    return _page(language, words.unknown_title, f"<p>{words.unknown}</p>", status=404)


def _rest(page: Page, present: Present | None) -> str:
    """Below the first button: all that may be chosen, as far as it is known."""
    words = page.language.preferences
    fields = f"<p>{words.away}</p>" if present is None else _fields(page.language, present)
    nothing = (
        f'<button type="submit" class="quiet" name="everything" value="off" '
        f'aria-describedby="nothing">{words.nothing}</button>'
        f'<p class="hint" id="nothing">{words.nothing_hint}</p>'
    )
    return (
        f'<section aria-labelledby="choose"><h2 id="choose">{words.choose}</h2>'
        f"{_form(page)}{_hidden(*ACTION)}{fields}{nothing}</form></section>{_languages(page)}"
    )


def _fields(language: Language, present: Present) -> str:
    words = language.preferences
    return (
        f"{_topics(words.topics, present.topics)}{_often(language, present.frequency)}"
        f'<p class="field"><label for="language">{words.language}</label>'
        f'<select id="language" name="language" autocomplete="off">'
        f"{_options(language, present.language)}</select></p>"
        f"{_hidden('language_was', present.language)}"
        f'<button type="submit">{words.save}</button>'
    )


def _topics(legend: str, topics: tuple[Topic, ...]) -> str:
    """`was` and `off` tell what was shown: only what differs from it is a change."""
    if not topics:
        return ""
    rows = "".join(
        f'<label class="tick"><input type="checkbox" name="on" value="{escape(topic.id)}" '
        f'autocomplete="off"{" checked" if topic.on else ""}><span>{escape(topic.title)}</span>'
        f"</label>{_hidden('was' if topic.on else 'off', topic.id)}"
        for topic in topics
    )
    return f"<fieldset><legend>{legend}</legend>{rows}</fieldset>"


def _often(language: Language, frequency: str) -> str:
    words = language.preferences
    rows = "".join(
        f'<label class="tick"><input type="radio" name="frequency" value="{value}" '
        f'autocomplete="off"{" checked" if value == frequency else ""}'
        f"{describing}><span>{text}</span></label>"
        for value, text, describing in zip(
            FREQUENCIES, (words.normal, words.less), ("", ' aria-describedby="less"'), strict=True
        )
    )
    return (
        f"<fieldset><legend>{words.often}</legend>{rows}"
        f'<p class="hint" id="less">{words.less_hint}</p></fieldset>'
        f"{_hidden('frequency_was', frequency)}"
    )


def _options(language: Language, chosen: str) -> str:
    """A language that we do not speak stays as it is, unless another is chosen."""
    keep = "" if chosen else f'<option value="" selected>{language.preferences.keep_language}'
    return keep + "".join(
        f'<option value="{one.code}" lang="{one.code}"{" selected" if one.code == chosen else ""}>'
        f"{one.name}</option>"
        for one in LANGUAGES.values()
    )


def _languages(page: Page) -> str:
    here = page.language
    current = {here.code: ' aria-current="page"'}
    links = "".join(
        f'<li><a href="?lang={one.code}" lang="{one.code}" hreflang="{one.code}"'
        f"{current.get(one.code, '')}>{one.name}</a></li>"
        for one in LANGUAGES.values()
    )
    return f'<nav aria-label="{here.preferences.page_language}"><ul>{links}</ul></nav>'


def _form(page: Page) -> str:
    return f'<form method="post" action="?lang={page.language.code}" accept-charset="utf-8">'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _page(
    language: Language, title: str, body: str, rest: str = "", status: int = 200
) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    html = _template().substitute(
        language=language.code,
        direction=language.direction,
        head=language.preferences.title,
        title=title,
        body=body,
        rest=rest,
        nonce=nonce,
    )
    return HTMLResponse(html, status, dict(_headers(language, nonce)))


def _headers(language: Language, nonce: str) -> Iterable[tuple[str, str]]:
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'"
    yield "content-security-policy", f"{policy}; frame-ancestors 'none'"
    yield "content-language", language.code
    yield "referrer-policy", "no-referrer"
    yield "cache-control", "no-store"
    yield "x-robots-tag", "noindex, nofollow"
    yield "x-content-type-options", "nosniff"


@cache
def _template() -> Template:
    return Template((Path(__file__).parent / "pages" / "preferences.html").read_text())
