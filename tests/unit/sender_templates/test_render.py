"""What a reader gets: their name safely, prices and dates as at home, nothing half-filled."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.templates.model import Rendered, RenderFailure
from services.sender.templates.render import Content, Renderer
from services.sender.templates.worker import _render

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


def rendered(
    html: str, data: dict[str, Any], subject: str = "Hi", locale: str = "en"
) -> Rendered | RenderFailure:
    renderer = Renderer()
    renderer.learn(Content("key", locale, subject, "", html, html))
    return _render(renderer, "key", msgspec.json.encode(data))


def text(template: str, data: dict[str, Any], locale: str = "en") -> str:
    result = rendered(template, data, locale=locale)
    assert isinstance(result, Rendered), result
    return result.text.rstrip("\n")


def test_a_name_with_markup_is_text_in_html_and_itself_in_the_text_part() -> None:
    name = "<script>alert('1')</script>&\""
    mail = rendered(
        '<a title="{{ contact.name }}">{{ contact.name }}</a>', {"contact": {"name": name}}
    )
    assert isinstance(mail, Rendered)
    assert "<script" not in mail.html
    assert 'title="&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;&quot;"' in mail.html
    assert name in mail.text


@given(st.text())
def test_no_data_adds_a_tag_or_leaves_its_quotes(value: str) -> None:
    mail = rendered('<i title="{{ event.x | default("") }}">', {"event": {"x": value}})
    assert isinstance(mail, Rendered)
    assert (mail.html.count("<"), mail.html.count('"')) == (1, 2)


@given(st.text(max_size=10))
def test_a_subject_never_carries_a_line_break_or_nul(name: str) -> None:
    mail = rendered("x", {"contact": {"name": name}}, '{{ contact.name | default("") }}!')
    if any(char in name for char in "\r\n\0"):
        assert isinstance(mail, RenderFailure)
    else:
        assert isinstance(mail, Rendered)
        assert mail.subject == f"{name}!"


def test_links_keep_their_slashes() -> None:
    mail = rendered('<a href="{{ shop.url }}">', {"shop": {"url": "https://a.example/b?c=1&d=2"}})
    assert isinstance(mail, Rendered)
    assert mail.html == '<a href="https://a.example/b?c=1&amp;d=2">'


@pytest.mark.parametrize(
    "data", [{}, {"contact": {}}, {"contact": {"name": None}}, {"contact": {"name": ""}}]
)
def test_what_is_missing_null_or_empty_gets_its_default_or_fails(data: dict[str, Any]) -> None:
    assert text('{{ contact.name | default("there") }}', data) == "there"
    assert text("{% if contact.name is defined %}no{% endif %}", data) == ""
    failure = rendered("Hi {{ contact.name }}", data)
    assert isinstance(failure, RenderFailure)
    assert (failure.reason, failure.detail) == (
        "template_error",
        "html:1: no value: `contact.name`",
    )


def test_a_cart_always_has_items() -> None:
    assert text("{% for x in cart.items %}{{ x }}{% endfor %}{{ cart.items | length }}", {}) == "0"


@pytest.mark.parametrize(
    ("contact", "template_locale", "amount", "currency", "shown"),
    [
        ({}, "en", "1234.5", "EUR", "€1,234.50"),
        ({"locale": "en-GB"}, "en", 10, "GBP", "£10.00"),
        ({"locale": "de-AT"}, "de", "1234.5", "EUR", "€\xa01.234,50"),
        ({"locale": "sv-SE"}, "en", 99, "SEK", "SEK\xa099.00"),
        ({"locale": "nonsense"}, "et", 99.9, "eur", "99,90\xa0€"),
        ({"locale": 3}, "en", "0", "JPY", "¥0"),
    ],
)
def test_money_is_written_as_at_home(
    contact: dict[str, Any], template_locale: str, amount: Any, currency: str, shown: str
) -> None:
    data = {"contact": contact, "cart": {"total": amount, "currency": currency}}
    assert text("{{ cart.total | money(cart.currency) }}", data, template_locale) == shown


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("", "25 March 2026"),
        ("('d MMM')", "26 Mar"),
        ("('time')", "01:30"),
        ("('short')", "26/03/2026"),
    ],
)
def test_dates_are_written_as_at_home_and_instants_in_the_readers_zone(
    style: str, shown: str
) -> None:
    contact = {"locale": "en-GB", "timezone": "Europe/Tallinn"}
    day = "2026-03-25" if not style else "2026-03-25T23:30:00Z"
    assert (
        text(f"{{{{ event.at | date{style} }}}}", {"contact": contact, "event": {"at": day}})
        == shown
    )


@pytest.mark.parametrize(
    "expression",
    [
        "event.x | money('EUR')",
        "event.x | money",
        "event.x | date",
        "1 | money('EURO')",
        "1e99 | money('EUR')",
    ],
)
def test_what_is_no_price_or_date_fails_without_quoting_it(expression: str) -> None:
    failure = rendered(f"{{{{ {expression} }}}}", {"event": {"x": "secret"}})
    assert isinstance(failure, RenderFailure)
    assert "secret" not in failure.detail


@given(st.dictionaries(st.sampled_from(["contact", "event", "cart", "shop", "step"]), JSON))
def test_any_json_gives_a_mail_or_a_failure(data: dict[str, Any]) -> None:
    template = (
        "{{ contact.a | default(1) }}{{ cart.total | money(cart.currency) }}{{ event.at | date }}"
        "{% for item in cart.items %}{{ item.price | default('') }}{% endfor %}"
    )
    assert isinstance(rendered(template, data), Rendered | RenderFailure)


def test_a_program_in_a_template_ends_when_its_fuel_is_used_up() -> None:
    loop = "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}"
    assert isinstance(rendered(loop, {}), RenderFailure)


@pytest.mark.parametrize(
    "name", ["namespace()", "debug()", "dict()", "'a' | safe", "'%d' | format(1)", "'a'.upper()"]
)
def test_what_is_not_needed_is_not_there(name: str) -> None:
    assert isinstance(rendered(f"{{{{ {name} }}}}", {}), RenderFailure)
