"""The languages of the pages: each says everything, and the right one is chosen."""

from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.languages import ENGLISH, LANGUAGES, Language, chosen, known

PARTS = ("preferences", "confirm", "form")
each_language = pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda one: one.code)


def words(language: Language) -> dict[str, str]:
    return {
        f"{part}.{key}": text
        for part in PARTS
        for key, text in getattr(language, part)._asdict().items()
    }


def places(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name is not None]


def test_six_languages_are_spoken() -> None:
    assert list(LANGUAGES) == ["en", "de", "fr", "es", "it", "nl"]
    assert all(code == language.code for code, language in LANGUAGES.items())


@each_language
def test_a_language_says_everything_and_names_what_english_names(language: Language) -> None:
    ours, english = words(language), words(ENGLISH)
    assert ours.keys() == english.keys()
    for key, text in ours.items():
        assert text.strip() == text != "", key
        assert places(text) == places(english[key]), key
        assert not set(text) & set('<>&"'), key  # texts stand in HTML as they are


@each_language
def test_nothing_is_left_in_english(language: Language) -> None:
    if language is not ENGLISH:
        ours, english = words(language), words(ENGLISH)
        assert [key for key in ours if ours[key] == english[key]] == []


@pytest.mark.parametrize(
    ("locales", "accepted", "code"),
    [
        ((), "", "en"),
        (("de",), "fr", "de"),
        (("de-AT",), "", "de"),
        (("de_CH.UTF-8",), "", "de"),
        (("FR",), "", "fr"),
        (("", "sv-SE"), "", "en"),
        (("", "es-MX"), "it", "es"),
        (("sv", "xx"), "nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ((), "sv;q=1, it;q=0.3, fr;q=0.7", "fr"),
        ((), "de;q=0, fr;q=0.1", "fr"),
        ((), "*", "en"),
        ((), "de;level=1", "en"),
    ],
)
def test_the_first_that_is_spoken_is_chosen(
    locales: tuple[str, ...], accepted: str, code: str
) -> None:
    assert chosen(*locales, accepted=accepted).code == code


@given(st.lists(st.text(), max_size=3), st.text())
def test_whatever_is_asked_for_there_is_a_language(locales: list[str], accepted: str) -> None:
    assert chosen(*locales, accepted=accepted) in LANGUAGES.values()
    assert all(known(locale) in (None, *LANGUAGES.values()) for locale in locales)
