"""A form's file: what is wrong is said with its place; what is right is what visitors see."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import starter
from services.ingest.domain.forms import parse_form
from shared import documents
from shared.conditions import ConditionError
from tests.unit.ingest.forms import NEWSLETTER, newsletter

STARTER = Path(next(iter(starter.__path__))) / "forms"
DOCS = Path(__file__).parents[3] / "docs" / "forms.md"
LONG = "x" * 1001


@pytest.mark.parametrize("file", sorted(STARTER.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_starter_form_can_be_published_and_asks_for_confirmation(file: Path) -> None:
    form = parse_form(documents.read(file.read_bytes()).data)
    assert form.id == file.stem
    assert form.double_opt_in


def test_the_example_of_the_docs_can_be_published() -> None:
    example = DOCS.read_text().split("```yaml\n")[1].split("```")[0]
    form = parse_form(documents.read(example.encode()).data)
    assert form.consent is not None
    assert form.may_return_to("https://fjord.example/blog")


FIELD = {"name": "a", "label": "A"}
EMAIL = NEWSLETTER["fields"][0]
CONSENT = NEWSLETTER["consent"]


@pytest.mark.parametrize(
    ("wrong", "path", "said"),
    [
        ({"titel": "x"}, ("titel",), "did you mean 'title'"),
        ({"form": "a b"}, ("form",), "not an id"),
        ({"form": None}, (), "'form' is missing"),
        ({"title": 7}, ("title",), "not a text"),
        ({"title": "x" * 201}, ("title",), "longer than 200"),
        ({"intro": LONG}, ("intro",), "longer than 1000"),
        ({"locale": "english!"}, ("locale",), "such as en, de or pt-BR"),
        ({"locale": "deutsch"}, ("locale",), "pt-BR"),
        ({"fields": []}, ("fields",), "1 to 30"),
        ({"fields": [FIELD]}, ("fields",), "one field must be of type email"),
        ({"fields": [EMAIL, EMAIL]}, ("fields", 1, "name"), "there twice"),
        ({"fields": [EMAIL, "x"]}, ("fields", 1), "not a field"),
        ({"fields": [EMAIL, {"name": "a"}]}, ("fields", 1, "label"), "is missing"),
        ({"fields": [EMAIL, {**FIELD, "typ": "x"}]}, ("fields", 1, "typ"), "type"),
        ({"fields": [EMAIL, {**FIELD, "type": "txt"}]}, ("fields", 1, "type"), "'text'"),
        ({"fields": [EMAIL, {**FIELD, "name": "consent"}]}, ("fields", 1, "name"), "rename"),
        ({"fields": [EMAIL, {**FIELD, "name": "utm_x"}]}, ("fields", 1, "name"), "rename"),
        ({"fields": [EMAIL, {**FIELD, "value": "x"}]}, ("fields", 1, "value"), "hidden"),
        ({"fields": [EMAIL, {**FIELD, "trait": "consent"}]}, ("fields", 1, "trait"), "another"),
        ({"fields": [EMAIL, {**FIELD, "trait": "a-b"}]}, ("fields", 1, "trait"), "trait's name"),
        ({"fields": [{**EMAIL, "trait": "mail"}]}, ("fields", 0, "trait"), "always"),
        ({"fields": [{**EMAIL, "required": False}]}, ("fields", 0, "required"), "always asked for"),
        (
            {"fields": [EMAIL, {**FIELD, "trait": "b"}, {**FIELD, "name": "c", "trait": "b"}]},
            ("fields", 2, "trait"),
            "'b' is there twice",
        ),
        (
            {"fields": [EMAIL, {"name": "a", "type": "hidden", "required": True}]},
            ("fields", 1, "required"),
            "nobody",
        ),
        ({"consent": "yes"}, ("consent",), "not a mapping"),
        ({"consent": {**CONSENT, "topics": []}}, ("consent", "topics"), "list of topics"),
        ({"consent": {**CONSENT, "text": " "}}, ("consent", "text"), "is empty"),
        ({"consent": {**CONSENT, "text": LONG}}, ("consent", "text"), "longer than 1000"),
        ({"consent": {**CONSENT, "version": 3}}, ("consent", "version"), "quote it"),
        ({"consent": {**CONSENT, "checkbox": "maybe"}}, ("consent", "checkbox"), "known"),
        ({"consent": None}, ("double_opt_in",), "nothing is there to confirm"),
        ({"double_opt_in": "yes"}, ("double_opt_in",), "not true or false"),
        ({"redirect": "javascript:alert(1)"}, ("redirect",), "not a URL"),
        ({"redirect": "//evil.example"}, ("redirect",), "not a URL"),
        ({"redirect": "https://a.example;script-src'unsafe-inline'"}, ("redirect",), "not a URL"),
        ({"redirect": "https://a.example,b/thanks"}, ("redirect",), "not a URL"),
        ({"redirect": "https://ann@a.example/"}, ("redirect",), "not a URL"),
        ({"redirect": "https://[::1"}, ("redirect",), "not a URL"),
        ({"redirect": "https:///thanks"}, ("redirect",), "not a URL"),
        ({"origins": ["https://a.example;script-src *"]}, ("origins", 0), "not an origin"),
        ({"origins": ["https://shop.example/"]}, ("origins", 0), "not an origin"),
        ({"origins": ["*"]}, ("origins", 0), "not an origin"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    wrong: dict[str, Any], path: tuple[str | int, ...], said: str
) -> None:
    with pytest.raises(ConditionError) as told:
        newsletter(**wrong)
    assert told.value.path == path
    assert said in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "https://evil.example/https://shop.example/",
        "//evil.example",
        "/elsewhere",
        "https://shop.example:8443/",
        "http://shop.example/",
        "javascript:alert(1)",
        "https://shop.example/\r\nset-cookie: a=b",
        "https://shop.example\\.evil.example/",
        "",
    ],
)
def test_nobody_is_sent_on_to_a_page_that_is_not_the_shops(url: str) -> None:
    assert not newsletter().may_return_to(url)


@pytest.mark.parametrize("url", ["https://shop.example", "https://shop.example/a?b=c#d"])
def test_a_page_of_the_shop_may_be_returned_to(url: str) -> None:
    assert newsletter().may_return_to(url)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(NEWSLETTER)), JSON)
def test_any_document_is_a_form_or_told_why_not(key: str, value: Any) -> None:
    for data in (value, {**NEWSLETTER, key: value}):
        with suppress(ConditionError):
            form = parse_form(data)
            assert parse_form(form.body) == form
