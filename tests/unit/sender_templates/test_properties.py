"""Whatever an author writes, the publisher answers with a template or a TemplateError."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.sender.templates.compile import compile_template
from services.sender.templates.jinja import ProblemError, Tag, restore, split, tokens
from services.sender.templates.markup import scan
from services.sender.templates.model import CompiledTemplate, TemplateError, TemplateSource

WORDS = r"""<mjml> </mjml> <mj-body> </mj-body> <mj-section> </mj-section> <mj-column>
</mj-column> <mj-text> </mj-text> <mj-table> </mj-table> <mj-raw> </mj-raw> <mj-head> </mj-head>
<table> <tr> <td> </td> </tr> </table> <br> <!-- --> <![CDATA[ ]]> <!doctype <mj-style> </mj-style>
{{ }} {% %} {# #} if for endif endfor set in raw endraw macro include x | default ( ) " ' [ ]
. cart.items cart contact.email unsubscribe_url < > & &amp; &#0; = / - é 1 + ~ ** \
<mj-image href="{{ x }}" alt= src="a"> <style> </style> <a </a> <p> </p> mj-class="x" {{{ }}}"""
PIECES = st.sampled_from([*WORDS.split(), " ", "\n", "\u2028"])
SOUP = st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=40).map("".join)
WHOLE = SOUP.map(
    lambda soup: (
        "<mjml><mj-body><mj-section><mj-column><mj-text>"
        f"{soup} {{{{ unsubscribe_url }}}}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
)


@settings(max_examples=120, deadline=None)
@given(front=SOUP, body=st.one_of(SOUP, WHOLE))
@example(front="subject: x", body="{{ " + "-" * 100_000 + "1 }}")
@example(front="subject: x", body="{% if 1 %}" + "{% elif 1 %}" * 10_000 + "{% endif %}")
@example(front="subject: x", body="<mjml>" + "<mj-section>" * 15_000)
@example(front="subject: x", body="<mjml><mj-body><mj-raw>" + "<div>" * 30_000)
@example(front="subject: " + "[" * 1_000, body="")
@example(front="&a [*a, *a]", body="")
@example(front="subject: !!python/object:os.system x", body="")
def test_no_text_crashes_the_publisher(front: str, body: str) -> None:
    for text in (f"---\nsubject: x\n{front}\n---\n{body}", f"---\n{front}\n---\n{body}", body):
        made = _made(text)
        if isinstance(made, TemplateError):
            assert made.message
            assert 0 <= made.line <= text.count("\n") + 1
        else:
            assert "tuvitag" not in made.html + made.text


def _made(text: str) -> CompiledTemplate | TemplateError:
    try:
        return compile_template(TemplateSource(id="mail", text=text))
    except TemplateError as error:
        return error


@given(SOUP)
def test_jinjas_tags_come_back_as_they_were(text: str) -> None:
    try:
        parts = split(text)
    except ProblemError:
        return
    made = tokens(parts)
    assert restore(made.text, made.tags) == text
    for part in parts:
        if isinstance(part, Tag):
            assert text.startswith(part.text, part.at)


@given(SOUP, st.integers(0, 300))
def test_a_place_among_tokens_is_a_place_in_the_text(text: str, at: int) -> None:
    try:
        made = tokens(split(text))
    except ProblemError:
        return
    at = min(at, len(made.text) - 1)
    inside = any(start <= at < start + len(f"tuvitag{n}x") for n, start in enumerate(made.starts))
    if at >= 0 and not inside:
        assert text[made.place(at)] == made.text[at]


@given(SOUP)
def test_the_scanners_events_joined_are_the_text(text: str) -> None:
    try:
        events = list(scan(text))
    except ProblemError:
        return
    assert "".join(event.raw for event in events) == text
