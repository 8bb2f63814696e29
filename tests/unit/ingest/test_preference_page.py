"""The preference page as HTML: in every language, for whatever a topic is called."""

from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.responses import HTMLResponse
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.languages import ENGLISH, LANGUAGES, Language
from services.ingest.preference_page import (
    Page,
    Present,
    Topic,
    ask,
    failed,
    left,
    saved,
    unknown,
)

TAGS = frozenset(
    {"html", "head", "meta", "title", "style", "body", "main", "svg", "rect", "path", "h1", "h2"}
    | {"p", "b", "form", "input", "button", "section", "fieldset", "legend", "label", "span"}
    | {"select", "option", "nav", "ul", "li", "a"}
)
TOPICS = (Topic("cart-reminders", "cart reminders", on=True), Topic("newsletter", "Letters"))
each_language = pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES.keys())


class Seen(HTMLParser):
    """Every tag with its attributes, and what is written between them."""

    def __init__(self, page: HTMLResponse) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(bytes(page.body).decode())

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **given: str) -> list[dict[str, str | None]]:
        return [
            a for t, a in self.tags if t == tag and all(a.get(k) == v for k, v in given.items())
        ]


def pages(language: Language, topic: Topic, present: Present | None) -> list[HTMLResponse]:
    page = Page(language, topic)
    return [
        ask(page, present),
        ask(page, present, left=True),
        left(page),
        saved(page, present, changed=True),
        saved(page, present, changed=False),
        failed(page),
        unknown(language),
    ]


@each_language
def test_every_page_has_its_language_one_heading_and_runs_nothing(language: Language) -> None:
    present = Present(TOPICS, "less", language.code)
    for answer in pages(language, TOPICS[0], present):
        seen = Seen(answer)
        assert seen.all("html", lang=language.code, dir="ltr")
        assert len(seen.all("h1")) == 1
        assert {tag for tag, _ in seen.tags} <= TAGS
        assert "{" not in seen.text.partition("</style>")[2]
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert f"'nonce-{seen.all('style')[0]['nonce']}'" in policy
        assert answer.headers["referrer-policy"] == "no-referrer"


@each_language
def test_the_unsubscribe_button_comes_first_and_every_field_has_a_name(language: Language) -> None:
    seen = Seen(ask(Page(language, TOPICS[0]), Present(TOPICS, "less", "")))
    fields = [a for tag, a in seen.tags if tag in ("input", "select", "button")]
    assert (fields[0]["name"], fields[0]["value"]) == ("List-Unsubscribe", "One-Click")
    assert fields[1]["type"] == "submit"
    ticks = [*seen.all("input", type="checkbox"), *seen.all("input", type="radio")]
    assert len(seen.all("label")) == len(ticks) + len(seen.all("select"))
    assert len(seen.all("fieldset")) == len(seen.all("legend")) == 2
    ids = {a["id"] for _, a in seen.tags if "id" in a}
    pointed = [a[k] for _, a in seen.tags for k in ("for", "aria-describedby") if k in a]
    assert set(pointed) <= ids
    assert [a["value"] for a in seen.all("input", type="radio") if "checked" in a] == ["less"]
    assert [a["value"] for a in seen.all("option") if "selected" in a] == [""]


def test_without_knowledge_there_are_the_two_buttons_that_need_none() -> None:
    seen = Seen(ask(Page(ENGLISH, TOPICS[0]), None))
    names = [a.get("name") for tag, a in seen.tags if tag in ("input", "select", "button")]
    assert names == ["List-Unsubscribe", None, "action", "everything"]


def test_a_mail_of_no_topic_asks_about_all_marketing() -> None:
    seen = Seen(ask(Page(ENGLISH, Topic("", "")), None))
    assert "no more marketing e-mails from this shop" in seen.text


words = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1)


@given(words, words)
def test_whatever_a_topic_is_called_it_is_shown_and_comes_back_as_it_is(
    name: str, title: str
) -> None:
    present = Present((Topic(name, title, on=True),), "normal", "en")
    for answer in pages(ENGLISH, Topic(name, title), present):
        seen = Seen(answer)
        assert {tag for tag, _ in seen.tags} <= TAGS
        for field in seen.all("input", type="checkbox"):
            assert field["value"] == name
            assert title in seen.text
