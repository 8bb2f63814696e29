"""The pages that people see are usable by everybody: axe's rules, and WCAG's contrasts."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.ingest import confirm_page, form_page
from services.ingest.domain.forms import Fault
from services.ingest.domain.languages import ENGLISH, LANGUAGES, Language
from services.ingest.preference_page import Page, Present, ask
from tests.unit.ingest.forms import newsletter
from tests.unit.ingest.test_preference_page import TOPICS, pages

ROOT = Path(__file__).parents[2]
NODE = Path(sys.executable).with_name("node")
TEMPLATES = ROOT / "services/ingest/pages"
CONFIRM = (confirm_page.old, confirm_page.failed, confirm_page.unknown)
CHIEF = ("preferences-0", "confirm-0", "form-1")  # of other languages, where only words differ
TEXT, EDGE = 4.5, 3.0  # WCAG 2.2: 1.4.3 of words, 1.4.11 of what shows where a field is


def shown(language: Language) -> dict[str, str]:
    """Every page there is, by name, in this language (forms are in their shop's)."""
    words = [topic.title for topic in TOPICS]
    form = newsletter(locale=language.code)
    faults = [Fault("email", "no_address"), Fault("born", "no_date"), Fault("consent", "agree")]
    wrong = form_page.again(form, {"email": "ann@", "first_name": "Ann"}, faults)
    answers = {
        "preferences": pages(language, TOPICS[0], Present(TOPICS, "less", language.code)),
        "preferences-away": [ask(Page(language, TOPICS[0]), None)],
        "confirm": [
            *(page(language, words) for page in (confirm_page.ask, confirm_page.done)),
            *(page(language) for page in CONFIRM),
        ],
        "form": [
            form_page.page(form, "default", form_page.Shown()),
            form_page.page(form, "default", wrong, 422),
            form_page.told(form, form.title, "Nearly done."),
            form_page.told(None, "No such form", "Nobody made it."),
        ],
    }
    found = {
        f"{name}-{i}": bytes(answer.body).decode()
        for name, listed in answers.items()
        for i, answer in enumerate(listed)
    }
    return found | {
        "snippet": shops_page(language, form_page.snippet(form, "default", "https://t"))
    }


def shops_page(language: Language, snippet: str) -> str:
    return (
        f'<!doctype html><html lang="{language.code}"><title>Shop</title>'
        f"<main><h1>Shop</h1>{snippet}</main></html>"
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """By page, a line for each element that breaks a rule; one run, for axe is slow to start."""
    written = {
        f"{language.code}-{name}": page
        for language in LANGUAGES.values()
        for name, page in shown(language).items()
        if language is ENGLISH or name in CHIEF
    }
    front = written["en-preferences-0"].replace(' lang="en"', "")
    written["broken"] = re.sub(r'<label for="language">.*?</label>', "", front)
    folder = tmp_path_factory.mktemp("pages")
    for name, page in written.items():
        (folder / f"{name}.html").write_text(page)
    done = subprocess.run(
        [str(NODE), str(ROOT / "tests/sdks/axe.js"), *map(str, folder.iterdir())],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    lines = {Path(file).stem: lines for file, lines in json.loads(done.stdout).items()}
    assert lines.keys() == written.keys()
    return lines


def test_axe_finds_nothing_in_any_page(
    found: dict[str, list[str]],
) -> None:
    assert {name: lines for name, lines in found.items() if lines and name != "broken"} == {}


def test_axe_does_find_what_is_wrong(found: dict[str, list[str]]) -> None:
    rules = {line.split(":")[0] for line in found["broken"]}
    assert rules == {"html-has-lang", "select-name"}


@pytest.mark.parametrize("file", ["form.html", "preferences.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_told_apart(file: str, scheme: str) -> None:
    text = (TEMPLATES / file).read_text()
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", text)
    )
    assert light.keys() == dark.keys()
    colours = light if scheme == "light" else dark
    pairs = {("ink", "card"): TEXT, ("soft", "card"): TEXT, ("act", "card"): TEXT}
    pairs |= {("on-act", "act"): TEXT, ("line", "card"): EDGE, ("act", "ground"): EDGE}
    if "wrong" in colours:
        pairs |= {("wrong", "card"): TEXT, ("ink", "wrong-ground"): TEXT}
    used = set(re.findall(r"[{; ]color: var\(--([a-z-]+)\)", text))
    assert used <= {over for (over, _), least in pairs.items() if least == TEXT}
    for (over, under), least in pairs.items():
        ratio = contrast(colours[over], colours[under])
        assert ratio >= least, f"{over} on {under}: {ratio:.2f}"


def contrast(one: str, other: str) -> float:
    """WCAG's ratio, from 1 to 21."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """WCAG's relative luminance of `#rrggbb`."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
