"""What an author is told when a template cannot be published, and what is published."""

import pytest

from services.sender.templates.compile import MAX_HTML, compile_template
from services.sender.templates.model import TemplateError, TemplateSource

FRONT = "---\nsubject: Hello\n---\n"
UNSUBSCRIBE = '<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>'


def mail(content: str, front: str = FRONT, *, end: str = UNSUBSCRIBE) -> TemplateSource:
    """A template whose content begins at line 5."""
    body = f"<mjml><mj-body><mj-section><mj-column>\n{content}\n{end}"
    text = f"{front}{body}</mj-column></mj-section></mj-body></mjml>"
    partials = {"_foot.mjml": f"\n{UNSUBSCRIBE}", "_loop.mjml": '{% include "_loop.mjml" %}'}
    return TemplateSource(id="mail", text=text, partials=partials)


def problem(source: TemplateSource) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        compile_template(source)
    return caught.value


@pytest.mark.parametrize(
    ("content", "line", "message", "hint"),
    [
        ("<mj-txt>Hi</mj-txt>", 5, "unknown tag <mj-txt>", "'mj-text'"),
        ('<mj-text colour="#fff">Hi</mj-text>', 5, "unknown attribute 'colour'", "'color'"),
        ("<mj-section></mj-section>", 5, "<mj-section> cannot stand in <mj-column>", "mj-text"),
        ("\n<mj-text>Hi</mj-column>", 6, "</mj-column> where </mj-text> is due", ""),
        ("<mj-text>Hi<br>\n\n<b>you</mj-text>", 7, "</mj-text> where </b> is due", ""),
        ('<mj-image src="x.png" />', 5, "<mj-image> has no alt", "decoration"),
        ('<mj-text><img src="x.png"></mj-text>', 5, "<img> has no alt", "decoration"),
        ("<mj-button>Go</mj-button>", 5, "<mj-button> has no href", ""),
        ("loose", 5, "text outside of any content tag", "mj-text"),
        ("{{ shop.name }}", 5, "text outside of any content tag: '{{ shop.name }}'", "mj-text"),
        ("<MJ-TEXT>Hi</MJ-TEXT>", 5, "unknown tag <MJ-TEXT>", ""),
        (
            "{% if 1 %}\n<mj-text>{% endif %}Hi</mj-text>",
            6,
            "{% endif %} in another tag than its {% if %}",
            "same tag",
        ),
        ("<mj-text>1 < 2</mj-text>", 5, "'<' that begins no tag", "&lt;"),
        ('<mj-include path="x" />', 5, "mj-include is not used", "include"),
        ("<mj-text>{{ contac.email }}</mj-text>", 5, "unknown variable 'contac.email'", "contact"),
        ("<mj-text>{{ cart.totl }}</mj-text>", 5, "unknown variable 'cart.totl'", "'total'"),
        ("<mj-text>{{ shop.name\n}</mj-text>", 5, "{{ is never closed", ""),
        ("<mj-text>\n{{ shop.name | uper }}</mj-text>", 6, "unknown filter 'uper'", "'upper'"),
        ("<mj-text>{{ event.x | safe }}</mj-text>", 5, "unknown filter 'safe'", ""),
        ("<mj-text>{% fro x in y %}</mj-text>", 5, "unknown statement 'fro'", "'for'"),
        ("<mj-text>{% if shop.name %}</mj-text>", 6, "Jinja: unexpected end", ""),
        ("<mj-text>{{ shop..name }}</mj-text>", 5, "Jinja: unexpected", ""),
        ("<mj-text>{{ event.items }}</mj-text>", 5, "'items' cannot be used as a field", "items"),
        ("<mj-text>{{ cart }}</mj-text>", 5, "cart is not text", "fields"),
        ('{% include "_fot.mjml" %}', 5, "there is no '_fot.mjml' to include", "'_foot.mjml'"),
        ('{% include "_loop.mjml" %}', 1, "'_loop.mjml' includes itself", ""),
        (
            "{% for item in cart.items %}<mj-text>{{ item.nmae }}</mj-text>{% endfor %}",
            5,
            "unknown variable 'item.nmae'",
            "'name'",
        ),
        (
            '<mj-text {% if 1 %}color="red"{% endif %}>Hi</mj-text>',
            5,
            "Jinja between the attributes of <mj-text>",
            "quotes",
        ),
        (
            '<mj-image alt="" src="x" width="{{ event.width }}" />',
            5,
            "'width' of <mj-image> cannot be a variable",
            "{% if %}",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_a_way_out(
    content: str, line: int, message: str, hint: str
) -> None:
    error = problem(mail(content))
    assert message in error.message
    assert (error.template, error.line) == ("mail", line), str(error)
    assert hint in error.hint
    assert str(error).startswith(f"{error.file}:{line}: ")


@pytest.mark.parametrize(
    ("front", "line", "message", "hint"),
    [
        ("", 1, "has no front matter", "subject"),
        ("---\nsubjet: Hi\n---\n", 2, "unknown field 'subjet'", "'subject'"),
        ("---\ntopic: x\n---\n", 1, "missing required field `subject`", ""),
        ("---\ntopic: x\nsubject: ''\n---\n", 3, "the subject is empty", ""),
        ("---\nsubject: 3\n---\n", 2, "Expected `str`, got `int`", ""),
        ("---\nsubject: {{ shop.name }}\n---\n", 2, "YAML", "quote"),
        ("---\nsubject: '{{ shp.name }}'\n---\n", 2, "subject: unknown variable", "'shop'"),
        ("---\nsubject: x\npreheader: '{{ x'\n---\n", 3, "preheader: {{ is never closed", ""),
        ("---\nsubject: x\npreheader: y\n---\n", 5, "the preheader is not used", "mj-preview"),
        ("---\n- a\n---\n", 1, "the front matter is not a mapping", "subject"),
    ],
)
def test_a_mistake_in_the_front_matter_is_named(
    front: str, line: int, message: str, hint: str
) -> None:
    error = problem(mail("<mj-text>Hi</mj-text>", front))
    assert message in error.message
    assert (error.line, hint in error.hint) == (line, True), str(error)


def test_a_mistake_in_an_included_file_is_placed_there() -> None:
    source = mail('{% include "_foot.mjml" %}')
    source.partials["_foot.mjml"] = "<mj-text>\n{{ nobody }}</mj-text>"
    assert str(problem(source)).startswith("_foot.mjml:2: unknown variable 'nobody'")


def test_all_mistakes_of_a_pass_are_told_at_once() -> None:
    error = problem(mail('<mj-txt>a</mj-txt>\n<mj-image src="x" />\n<mj-button>b</mj-button>'))
    assert [found.line for found in error.all] == [5, 6, 7]


def test_a_marketing_mail_needs_its_unsubscribe_link_and_a_transactional_one_does_not() -> None:
    assert "unsubscribe" in problem(mail("<mj-text>Hi</mj-text>", end="")).message
    front = "---\nsubject: Your parcel\ntransactional: true\n---\n"
    assert compile_template(mail("<mj-text>Hi</mj-text>", front, end="")).transactional


def test_a_mail_that_gmail_would_cut_off_is_refused() -> None:
    assert f"over {MAX_HTML:,}" in problem(mail(f"<mj-text>{'long ' * 25_000}</mj-text>")).message


def test_jinja_with_less_than_and_quotes_survives_mjml() -> None:
    made = compile_template(
        mail(
            '{% if cart.total < 3 and shop.name != "a>b" %}<mj-text>{{ "x" }}</mj-text>{% endif %}'
            "<mj-table><tr><th>a</th></tr>{% for item in cart.items %}<tr><td>{{ item.name }}</td>"
            "</tr>{% endfor %}</mj-table>"
        )
    )
    for part in (made.html, made.text):
        assert '{% if cart.total < 3 and shop.name != "a>b" %}' in part
        loop = part[part.index("{% for item") : part.index("{% endfor %}")]
        assert "{{ item.name }}" in loop
    assert "<tr><th>a</th></tr>{% for" in made.html
    assert "tuvitag" not in made.html + made.text


def test_styles_marked_inline_go_into_the_elements_and_others_stay() -> None:
    head = (
        '<mj-head><mj-style inline="inline">.a { color: teal; }</mj-style>'
        "<mj-style>.b { color: red; }</mj-style></mj-head>"
    )
    source = mail('<mj-text><span class="a">x</span></mj-text>')
    source = TemplateSource(id="mail", text=source.text.replace("<mjml>", f"<mjml>{head}"))
    html = compile_template(source).html
    assert '<span class="a" style="color: teal' in html
    assert ".b { color: red; }" in html


def test_the_text_part_has_the_words_and_links_in_order() -> None:
    made = compile_template(
        mail(
            "<mj-text><h1>Title</h1><p>One &amp; two</p></mj-text>"
            '<mj-button href="{{ shop.url }}/a?b=1&amp;c=2">Go</mj-button>'
            '<mj-image src="x.png" alt="" />'
        )
    )
    assert made.text.split("\n\n") == [
        "Title",
        "One & two",
        "Go: {{ shop.url }}/a?b=1&c=2",
        "Unsubscribe ({{ unsubscribe_url }})\n",
    ]


def test_an_own_text_part_replaces_the_derived_one() -> None:
    front = "---\nsubject: x\ntext: 'Bye: {{ unsubscribe_url }}'\n---\n"
    assert (
        compile_template(mail("<mj-text>Hi</mj-text>", front)).text == "Bye: {{ unsubscribe_url }}"
    )


def test_the_digest_changes_with_the_content_only() -> None:
    one, two = (mail(f"<mj-text>{word}</mj-text>") for word in ("a", "b"))
    assert compile_template(one).digest == compile_template(one).digest
    assert compile_template(one).digest != compile_template(two).digest
