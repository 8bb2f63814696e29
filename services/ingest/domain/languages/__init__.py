"""The languages of the pages that people see. Pure: words and the choice between them."""

from services.ingest.domain.languages.dutch import DUTCH
from services.ingest.domain.languages.english import ENGLISH
from services.ingest.domain.languages.french import FRENCH
from services.ingest.domain.languages.german import GERMAN
from services.ingest.domain.languages.italian import ITALIAN
from services.ingest.domain.languages.spanish import SPANISH
from services.ingest.domain.languages.words import (
    ConfirmWords,
    FormWords,
    Language,
    PreferenceWords,
)

LANGUAGES = {
    language.code: language for language in (ENGLISH, GERMAN, FRENCH, SPANISH, ITALIAN, DUTCH)
}
_MOST_ACCEPTED = 20  # of one Accept-Language; browsers send a handful


def known(locale: str) -> Language | None:
    """Of a locale such as `de`, `de-AT`, `de_CH.UTF-8`; None if we do not speak it."""
    return LANGUAGES.get(locale.strip().replace("_", "-").partition("-")[0].lower())


def chosen(*locales: str, accepted: str = "") -> Language:
    """The first of the locales that we speak, else what the browser likes best, else English.

    `accepted`: the header Accept-Language.
    """
    for locale in (*locales, *_accepted(accepted)):
        language = known(locale)
        if language is not None:
            return language
    return ENGLISH


def _accepted(header: str) -> list[str]:
    """The header's languages, the most liked first; what is not wanted (q=0) is left out."""
    liked: list[tuple[float, str]] = []
    for part in header.split(",")[:_MOST_ACCEPTED]:
        locale, _, quality = part.partition(";")
        weight = _weight(quality)
        if weight > 0:
            liked.append((weight, locale))
    return [locale for _, locale in sorted(liked, key=lambda one: -one[0])]


def _weight(quality: str) -> float:
    name, _, value = quality.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0


__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "ConfirmWords",
    "FormWords",
    "Language",
    "PreferenceWords",
    "chosen",
    "known",
]
