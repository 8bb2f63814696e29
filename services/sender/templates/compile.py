"""Publishing's static half: from what the author wrote to what is rendered."""

import hashlib
import re
from typing import Any

import css_inline
import mjml

from services.sender.templates import contract, jinja, lint
from services.sender.templates.jinja import Problem, ProblemError, Tag
from services.sender.templates.markup import Event, scan
from services.sender.templates.model import CompiledTemplate, TemplateError, TemplateSource
from services.sender.templates.plain import plain_text
from services.sender.templates.source import Page, page

MAX_HTML = 102_000
"""Bytes; Gmail cuts a longer mail off, its footer with the unsubscribe link first."""

_RAW_TEXT = frozenset({"mj-style", "style", "mj-title", "mj-preview"})
_INLINE_STYLE = re.compile(
    r"<mj-style[^<>]*\binline\s*=\s*[\"']inline[\"'][^<>]*>(.*?)</mj-style>", re.DOTALL
)


def compile_template(source: TemplateSource) -> CompiledTemplate:
    """The template, ready to render. Raises TemplateError; its `all` has every problem found."""
    made = page(source)
    body = made.body
    front_names = _front_names(made)
    try:
        parts = jinja.split(body)
        problems = [p for part in parts if isinstance(part, Tag) for p in jinja.lint(part)]
        if problems:
            raise _errors(made, problems)
        jinja.variables(body)
        html, text = _compile_body(made, parts)
    except ProblemError as error:
        problem = error.problem
        raise made.error(problem.at, problem.message, problem.hint) from None
    names = _body_names(made, html, text)
    return _compiled(source, made, html, text, names | front_names)


def _errors(made: Page, problems: list[Problem]) -> TemplateError:
    errors = [made.error(p.at, p.message, p.hint) for p in problems]
    errors[0].all = tuple(errors)
    return errors[0]


def _compile_body(made: Page, parts: list[str | Tag]) -> tuple[str, str]:
    """HTML and text, with Jinja's tags put back."""
    tokens = jinja.tokens(parts)
    tags = tokens.tags
    try:
        events = list(scan(tokens.text))
    except ProblemError as error:
        problem = error.problem
        raise ProblemError(tokens.place(problem.at), problem.message, problem.hint) from None
    problems = [Problem(tokens.place(p.at), p.message, p.hint) for p in lint.lint(events, tags)]
    if problems:
        raise _errors(made, problems)
    html = _html(_shielded(events, tags))
    text = plain_text(events)
    for number, tag in enumerate(tags):
        if f"tuvitag{number}x" not in html and not tag.text.startswith("{#"):
            hint = "put it around whole tags, or inside of a text"
            raise ProblemError(tag.at, f"Jinja is not possible here: {tag.text[:40]}", hint)
    html, text = jinja.restore(html, tags), jinja.restore(text, tags)
    try:
        jinja.variables(html), jinja.variables(text)
    except ProblemError as error:
        hint = "begin and end a block between the same two tags"
        raise ProblemError(0, f"Jinja and MJML cross: {error.problem.message}", hint) from None
    return html, text


def _shielded(events: list[Event], tags: list[Tag]) -> str:
    """The source with statements between tags as comments, which tables and MJML leave in place.

    What is printed stays a word: it has to count as text.
    """
    out, raw = [], ""
    for event in events:
        if event.name in _RAW_TEXT:
            raw = event.name if event.kind == "start" else ""
        if event.kind == "text" and not raw:
            out.append(
                jinja.TOKEN.sub(
                    lambda m: m[0] if tags[jinja.number(m)].is_output else f"<!--{m[0]}-->",
                    event.raw,
                )
            )
        else:
            out.append(event.raw)
    return "".join(out)


def _html(source: str) -> str:
    """MJML compiled. Styles marked `inline="inline"` go into the elements, no others."""
    styles = "\n".join(_INLINE_STYLE.findall(source))
    try:
        html = mjml.mjml2html(_INLINE_STYLE.sub("", source), fonts={})
        if styles:
            inliner = css_inline.CSSInliner(
                inline_style_tags=False,
                keep_style_tags=True,
                keep_link_tags=True,
                load_remote_stylesheets=False,  # publishing fetches nothing
                extra_css=styles,
            )
            html = inliner.inline(html)
    except (ValueError, css_inline.InlineError) as error:
        raise ProblemError(0, f"MJML: {error}") from None
    return str(html)


def _body_names(made: Page, html: str, text: str) -> set[str]:
    """What the body needs; raises for what nobody fills and for what a mail has to have."""
    front = made.front
    names = jinja.variables(html) | jinja.variables(text)
    problems = list(contract.unknown(made.body, names))
    in_text = jinja.variables(front.text) if front.text else names
    if not front.transactional and "unsubscribe_url" not in names & in_text:
        hint = "link to {{ unsubscribe_url }}, or set `transactional: true` if it is no marketing"
        problems.append(Problem(0, "a marketing mail has to have its unsubscribe link", hint))
    if front.preheader and "preheader" not in names:
        hint = "put <mj-preview>{{ preheader }}</mj-preview> into mj-head"
        problems.append(Problem(0, "the preheader is not used", hint))
    if (size := len(html.encode())) > MAX_HTML:
        hint = "Gmail cuts longer mails off; shorten it"
        problems.append(Problem(0, f"{size:,} bytes of HTML, over {MAX_HTML:,}", hint))
    if problems:
        raise _errors(made, problems)
    return names


def _compiled(
    source: TemplateSource, made: Page, html: str, text: str, names: set[str]
) -> CompiledTemplate:
    front = made.front
    parts = (front.subject.strip(), front.preheader.strip(), html, front.text or text, front.locale)
    return CompiledTemplate(
        id=made.id,
        digest=hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32],
        subject=parts[0],
        preheader=parts[1],
        html=html,
        text=parts[3],
        locale=front.locale,
        topic=front.topic,
        transactional=front.transactional,
        description=front.description.strip(),
        variables=tuple(sorted(names - jinja.GLOBALS)),
        sample=_merged(source.sample, front.sample),
    )


def _front_names(made: Page) -> set[str]:
    """What subject, preheader and a text of its own need; their problems at the field's name."""
    names: set[str] = set()
    for field in ("subject", "preheader", "text"):
        text = getattr(made.front, field)
        try:
            problems = [p for t in jinja.split(text) if isinstance(t, Tag) for p in jinja.lint(t)]
            used = jinja.variables(text)
        except ProblemError as error:
            problems, used = [error.problem], set()
        problems += contract.unknown(text, used)
        names |= used
        if problems:
            errors = [
                TemplateError(made.id, made.field_line(field), f"{field}: {p.message}", p.hint)
                for p in problems
            ]
            errors[0].all = tuple(errors)
            raise errors[0]
    return names


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`, mapping by mapping."""
    out = dict(base)
    for name, value in over.items():
        old = out.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        out[name] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return out
