"""The starter templates: each can be published, names its place, and says how to leave."""

from pathlib import Path

import pytest

from services.sender.templates.compile import compile_template
from services.sender.templates.model import CompiledTemplate, TemplateSource
from services.sender.templates.source import read_templates

ROOT = Path(__file__).parents[3]
STARTER = ROOT / "starter" / "templates"
EXPECTED = {
    "welcome",
    "welcome-story",
    "welcome-bestsellers",
    "cart-reminder",
    "cart-questions",
    "cart-benefits",
    "cart-ten-percent",
    "cart-free-shipping",
    "win-back-miss-you",
    "win-back-offer",
    "quickstart-cart",
    "confirm-subscription",
}
TOPICS = {"cart": "cart-reminders", "quickstart": "cart-reminders", "confirm": "confirmations"}
TEMPLATES = {source.id: compile_template(source) for source in read_templates(STARTER)}


def test_a_shop_begins_with_these() -> None:
    assert TEMPLATES.keys() >= EXPECTED


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_each_is_light_described_and_can_be_left(template: CompiledTemplate) -> None:
    assert len(template.html) < 30_000
    assert template.description
    assert template.preheader
    assert template.topic == TOPICS.get(template.id.partition("-")[0], "marketing")
    link = "{{ confirm_url }}" if template.transactional else "{{ unsubscribe_url }}"
    for part in (template.html, template.text):
        assert link in part
        assert "{{ shop.address }}" in part
    assert '<html lang="en"' in template.html
    assert "<h1" in template.html


def test_the_example_of_the_docs_can_be_published_in_the_starter_folder() -> None:
    example = (ROOT / "docs" / "templates.md").read_text().split("```")[1].lstrip()
    partials = read_templates(STARTER)[0].partials
    made = compile_template(TemplateSource(id="example", text=example, partials=partials))
    assert "Back to your cart" in made.html


def test_one_template_is_read_with_what_lies_beside_it() -> None:
    [source] = read_templates(STARTER / "welcome.mjml")
    assert compile_template(source) == TEMPLATES["welcome"]
