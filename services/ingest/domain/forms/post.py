"""What a visitor posts: read, cleaned, and each fault told at its field. Total over any bytes."""

import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec

from services.ingest.domain.posted import MAX_FIELDS, TooManyFields, fields_of
from shared.contracts.addresses import address
from shared.contracts.wire import BadCall

from .file import RESERVED, TRAP, Form, FormField
from .reading import MAX_LINE

FaultKind = Literal["missing", "no_address", "no_date", "too_long", "no_text", "agree", "elsewhere"]
MAX_URL = 1_000
CAMPAIGN = {
    "utm_campaign": "name",
    "utm_source": "source",
    "utm_medium": "medium",
    "utm_term": "term",
    "utm_content": "content",
}
"""Segment's `context.campaign`."""
_YES = frozenset({"on", "true", "1", "yes"})
_decoder = msgspec.json.Decoder(dict[str, Any])


class Fault(NamedTuple):
    """What is wrong with one field; `languages.FormWords` says it in people's languages."""

    field: str
    kind: FaultKind


class Submission(msgspec.Struct, frozen=True):
    """A post that can be kept. `values`: by field, cleaned; `id`: the page's own, if it has one."""

    email: str
    values: dict[str, str | bool]
    agreed: bool = False
    campaign: dict[str, str] = {}
    page: str = ""
    referrer: str = ""
    redirect: str = ""
    id: str = ""


def read_post(content_type: str, body: bytes) -> dict[str, Any]:
    """The fields of a JSON, form-encoded or multipart body. Raises BadCall."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        try:
            return _decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            example = '{"email": "ann@example.com", "consent": true}'
            raise BadCall("body", f"must be a JSON object such as {example}") from error
    try:
        return dict(fields_of(content_type, body))
    except TooManyFields as error:
        raise BadCall("body", str(error)) from error


def is_trapped(posted: Mapping[str, Any]) -> bool:
    """Somebody filled in what people do not see."""
    return posted.get(TRAP) not in (None, "", False)


def ignored(form: Form, posted: Mapping[str, Any]) -> list[str]:
    """Names that the form does not have: said to developers, who may have misspelt one."""
    known = RESERVED | {field.name for field in form.fields}
    others = (clean(name)[:MAX_LINE] for name in posted if name not in known)
    return sorted(name for name in others if name not in CAMPAIGN)


def submission(
    form: Form, posted: Mapping[str, Any], referer: str = ""
) -> tuple[Submission | None, list[Fault]]:
    """What can be kept, or the faults. `referer`: the header, if the post names no page."""
    values: dict[str, str | bool] = {}
    faults: list[Fault] = []
    for field in form.fields:
        value, wrong = _value(field, posted.get(field.name))
        values[field.name] = value
        faults += [Fault(field.name, wrong)] if wrong else []
    agreed = form.consent is not None
    if form.consent is not None and form.consent.checkbox != "none":
        agreed = _ticked(posted.get("consent"))
        if form.consent.checkbox == "required" and not agreed:
            faults.append(Fault("consent", "agree"))
    redirect = _text(posted.get("redirect"))
    if redirect and not form.may_return_to(redirect):
        faults.append(Fault("redirect", "elsewhere"))
    if faults:
        return None, faults
    page = _url(posted.get("page")) or _url(referer)
    return Submission(
        email=str(values[form.email]),
        values=values,
        agreed=agreed,
        campaign=_campaign(posted, page),
        page=page,
        referrer=_url(posted.get("referrer")),
        redirect=redirect or form.redirect,
        id=_text(posted.get("submission"))[:MAX_LINE],
    ), []


def clean(text: str) -> str:
    """Without control characters and half surrogates, so that it fits into a mail's head too."""
    kept = (" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return "".join(kept).strip()


def _value(field: FormField, given: object) -> tuple[str | bool, FaultKind | None]:
    """As it is kept, and what is wrong with it."""
    if field.type == "checkbox":
        ticked = _ticked(given)
        return ticked, "missing" if field.required and not ticked else None
    if not isinstance(given, str | int | None) or isinstance(given, bool):
        return "", "no_text"
    text = _text(given) or field.value
    if not text:
        return "", "missing" if field.required else None
    return _checked(field, text)


def _checked(field: FormField, text: str) -> tuple[str, FaultKind | None]:
    if field.type == "email":
        found = address(text)
        return found or text[:MAX_LINE], None if found else "no_address"
    if len(text) > MAX_LINE:
        return text[:MAX_LINE], "too_long"
    return text, "no_date" if field.type == "date" and not _is_date(text) else None


def _is_date(text: str) -> bool:
    """Such as 1990-05-17, nothing looser: everybody after us has to understand it."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _ticked(given: object) -> bool:
    return given is True or (isinstance(given, str) and given.strip().lower() in _YES)


def _text(given: object) -> str:
    number = isinstance(given, int) and not isinstance(given, bool) and abs(given) < 10**15
    return clean(str(given)) if number or isinstance(given, str) else ""


def _url(given: object) -> str:
    """An http(s) URL; empty for all else: where somebody came from is no reason to refuse."""
    text = _text(given)
    plain = text.startswith(("https://", "http://")) and " " not in text
    return text if plain and len(text) <= MAX_URL else ""


def _campaign(posted: Mapping[str, Any], page: str) -> dict[str, str]:
    """What the post says, else what stands in the page's URL."""
    try:
        asked = dict(parse_qsl(urlsplit(page).query, max_num_fields=MAX_FIELDS))
    except ValueError:
        asked = {}
    found = {to: _text(posted.get(name) or asked.get(name)) for name, to in CAMPAIGN.items()}
    return {name: value[:MAX_LINE] for name, value in found.items() if value}
