"""A form as HTML: the hosted page, and the snippet for a shop's own page. No script is needed."""

import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse

from services.ingest.domain.forms import (
    CAMPAIGN,
    TRAP,
    Fault,
    Form,
    FormField,
    clean,
    origin_of,
)
from services.ingest.domain.languages import FormWords, chosen
from services.ingest.page import html

_AUTOCOMPLETE = {"email": "email", "first_name": "given-name", "last_name": "family-name"}
_AUTOCOMPLETE |= {"birthday": "bday", "phone": "tel", "city": "address-level2", "name": "name"}


class Shown(NamedTuple):
    """What stands in the form: filled in before, carried along, wrong."""

    values: Mapping[str, object] = {}
    hidden: Mapping[str, str] = {}
    faults: Sequence[Fault] = ()


def page(form: Form, workspace: str, shown: Shown, status: int = 200) -> HTMLResponse:
    """The hosted page. With faults, each at its field, it is the answer to a post."""
    words = words_of(form)
    hidden = {"submission": secrets.token_urlsafe(12), **shown.hidden}
    place = "" if shown.faults else f"../v1/forms/{form.id}"
    action = f"{place}?{urlencode({'workspace': workspace})}"
    alert = f'<p class="alert" role="alert">{words.faulty}</p>' if shown.faults else ""
    body = (
        f"{_intro(form)}{alert}"
        f'<form method="post" action="{escape(action)}" accept-charset="utf-8" novalidate>'
        f"{''.join(fields(form, shown._replace(hidden=hidden)))}</form>"
    )
    return _page(form, form.title, body, status)


def told(form: Form | None, title: str, text: str, status: int = 200) -> HTMLResponse:
    """A page that only says something: thanks, or what went wrong."""
    return _page(form, title, f"<p>{escape(text)}</p>", status)


def snippet(form: Form, workspace: str, public_url: str) -> str:
    """For a shop's page; posts without a script too."""
    base = public_url.rstrip("/")
    action = f"{base}/v1/forms/{form.id}?{urlencode({'workspace': workspace})}"
    inner = "\n  ".join(fields(form, Shown()))
    return (
        f'<form method="post" action="{escape(action)}" accept-charset="utf-8" data-tuvi-form>\n'
        f"  {inner}\n</form>\n"
        f'<script src="{escape(base)}/f/embed.js" defer></script>\n'
    )


def fields(form: Form, shown: Shown) -> list[str]:
    """All that stands between <form> and </form>."""
    wrong = {fault.field: fault_text(form, fault) for fault in shown.faults}
    first = next(iter(wrong), "")
    parts = [
        _field(form, field, shown.values.get(field.name), wrong.get(field.name, ""), first)
        for field in form.fields
    ]
    if form.consent is not None:
        parts.append(_consent(form, shown, wrong.get("consent", ""), first))
    parts += [_hidden(name, value) for name, value in shown.hidden.items()]
    parts.append(_trap(form))
    parts.append(f'<button type="submit">{escape(form.button or words_of(form).button)}</button>')
    return parts


def _field(form: Form, field: FormField, value: object, wrong: str, first: str) -> str:
    if field.type == "hidden":
        return _hidden(field.name, str(value or field.value))
    name = f"tuvi-{form.id}-{field.name}"
    more = _described(name, wrong) + (" autofocus" if field.name == first else "")
    if field.type == "checkbox":
        return _checkbox(field.name, name, field.label, more, wrong, ticked=value is True)
    more += " required" if field.required else ""
    more += f' autocomplete="{_AUTOCOMPLETE.get(field.trait or field.type, "off")}"'
    written = escape(str(value)) if value else ""
    label = escape(field.label)
    if not field.required:
        label += f' <span class="optional">({escape(words_of(form).optional)})</span>'
    return (
        f'<div class="field"><label for="{name}">{label}</label>'
        f'<input id="{name}" name="{field.name}" type="{field.type}" value="{written}"{more}>'
        f"{_error(name, wrong)}</div>"
    )


def _consent(form: Form, shown: Shown, wrong: str, first: str) -> str:
    assert form.consent is not None  # noqa: S101  asked before
    if form.consent.checkbox == "none":
        return f'<p class="agreement">{escape(form.consent.text)}</p>'
    name = f"tuvi-{form.id}-consent"
    more = _described(name, wrong) + (" autofocus" if first == "consent" else "")
    more += " required" if form.consent.checkbox == "required" else ""
    ticked = shown.values.get("consent") is True
    return _checkbox("consent", name, form.consent.text, more, wrong, ticked=ticked)


def _checkbox(name: str, place: str, label: str, more: str, wrong: str, *, ticked: bool) -> str:
    on = " checked" if ticked else ""
    return (
        f'<div class="field tick"><input id="{place}" name="{name}" type="checkbox" value="true"'
        f'{on}{more}><label for="{place}">{escape(label)}</label>{_error(place, wrong)}</div>'
    )


def _described(name: str, wrong: str) -> str:
    return f' aria-describedby="{name}-error"' + (' aria-invalid="true"' if wrong else "")


def _error(name: str, wrong: str) -> str:
    """Always there, so that what a script says later is tied to its field too."""
    return f'<p class="error" id="{name}-error">{escape(wrong)}</p>'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def _trap(form: Form) -> str:
    """Out of people's sight, out of the tab order, out of what screen readers say."""
    return (
        f"<div hidden><label>{escape(words_of(form).trap)}"
        f'<input type="text" name="{TRAP}" tabindex="-1" autocomplete="off"></label></div>'
    )


def words_of(form: Form | None) -> FormWords:
    """In the form's language."""
    return chosen(form.locale if form else "").form


def fault_text(form: Form, fault: Fault) -> str:
    """What is wrong with the field; the kinds of faults are names of words."""
    return str(getattr(words_of(form), fault.kind))


def _intro(form: Form) -> str:
    return f'<p class="intro">{escape(form.intro)}</p>' if form.intro else ""


def _page(form: Form | None, title: str, body: str, status: int) -> HTMLResponse:
    """The browser may post here and be sent on to the form's origins, nowhere else."""
    if form is None:
        return html("en", title, body, status=status)
    return html(form.locale, title, body, origins=_origins(form), status=status)


def _origins(form: Form) -> tuple[str, ...]:
    """Those of the file, and the one of its redirect. Chrome asks form-action at redirects too."""
    found = map(origin_of, (*form.origins, form.redirect))
    return tuple(dict.fromkeys(filter(None, found)))


@cache
def script() -> bytes:
    """What the snippet loads: posts without leaving the page, says what is wrong where."""
    return (Path(__file__).parent / "pages" / "embed.js").read_bytes()


def again(form: Form, posted: Mapping[str, object], faults: Sequence[Fault]) -> Shown:
    """The form as it was filled in, with what is wrong."""
    values: dict[str, object] = {}
    for field in form.fields:
        given = posted.get(field.name)
        ticked = field.type == "checkbox" and given is not None
        values[field.name] = ticked or (clean(given) if isinstance(given, str) else "")
    values["consent"] = "consent" in posted
    carried = {name: posted.get(name) for name in (*CAMPAIGN, "page", "referrer", "redirect")}
    hidden = {name: clean(text) for name, text in carried.items() if isinstance(text, str) and text}
    return Shown(values, hidden, faults)
