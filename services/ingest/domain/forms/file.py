"""A form's file, checked as a whole: every fault with its place and a hint."""

import re
from typing import Any, Literal, get_args

import msgspec

from shared.conditions import ConditionError
from shared.conditions.errors import Path
from shared.conditions.shape import only
from shared.contracts.codec import plain

from .origins import ORIGIN, origin_of
from .reading import flag, line, matching, needed, one_of, text

FieldType = Literal["email", "text", "date", "checkbox", "hidden"]
Asked = Literal["required", "optional", "none"]
MAX_FIELDS = 30
TRAP = "company_website"
"""The field that people do not see: whoever fills it in is a machine."""
RESERVED = frozenset({TRAP, "consent", "submission", "page", "referrer", "redirect", "workspace"})
NOT_TRAITS = frozenset({"email", "consent", "acquisition", "userId", "anonymousId"})
_KEYS = frozenset(
    {"form", "description", "title", "intro", "locale", "button", "fields", "consent"}
    | {"double_opt_in", "thank_you", "redirect", "origins"}
)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
AN_ID = "letters, digits, - and _, up to 64"
A_NAME = "letters, digits and _, a letter first, up to 64"
A_LOCALE = "such as en, de or pt-BR"
_URL_TEXT = re.compile(r"[!-\[\]-~]{1,2000}")  # no blank, no control character, no backslash


class FormField(msgspec.Struct, frozen=True):
    """`trait`: where it goes, empty for what is an event's property only. `value`: preset."""

    name: str
    type: FieldType
    label: str = ""
    trait: str = ""
    value: str = ""
    required: bool = False


class Agreement(msgspec.Struct, frozen=True):
    """What a visitor agrees to. `checkbox` none: posting is agreeing, and the text says so."""

    topics: tuple[str, ...]
    text: str
    version: str
    checkbox: Asked = "required"


class Form(msgspec.Struct, frozen=True):
    """A form as it is shown and taken. `body`: the file as plain data."""

    id: str
    title: str
    fields: tuple[FormField, ...]
    intro: str = ""
    locale: str = "en"
    button: str = ""
    thank_you: str = ""
    consent: Agreement | None = None
    double_opt_in: bool = False
    redirect: str = ""
    origins: tuple[str, ...] = ()
    body: dict[str, Any] = {}

    @property
    def email(self) -> str:
        """The name of the field with the address."""
        return next(field.name for field in self.fields if field.type == "email")

    def may_return_to(self, url: str) -> bool:
        """A page of one of its origins, or the one that the file names."""
        if not _URL_TEXT.fullmatch(url):
            return False
        return url == self.redirect or any(
            url == origin or url.startswith((origin + "/", origin + "?")) for origin in self.origins
        )


def parse_form(data: object) -> Form:
    """Raises ConditionError (path, message, hint)."""
    if not isinstance(data, dict):
        raise ConditionError((), "not a form", "write form: newsletter, title: …, fields: […]")
    only(data, (), _KEYS)
    found = Form(
        id=matching(_ID, needed(data, "form", "newsletter"), ("form",), "an id", AN_ID),
        title=line(needed(data, "title", "Letters from us"), ("title",)),
        fields=_fields(needed(data, "fields", "[{name: email, type: email, label: E-mail}]")),
        intro=text(data.get("intro", ""), ("intro",)),
        locale=matching(_LOCALE, data.get("locale", "en"), ("locale",), "a language", A_LOCALE),
        button=line(data.get("button", ""), ("button",)),
        thank_you=text(data.get("thank_you", ""), ("thank_you",)),
        consent=_consent(data["consent"]) if "consent" in data else None,
        double_opt_in=flag(data.get("double_opt_in", False), ("double_opt_in",)),
        redirect=line(data.get("redirect", ""), ("redirect",)),
        origins=_origins(data.get("origins", [])),
        body=plain(data),
    )
    line(data.get("description", ""), ("description",))
    _fits_together(found)
    return found


def _fits_together(form: Form) -> None:
    if form.double_opt_in and form.consent is None:
        hint = "add consent: {topics: …, text: …, version: …}"
        raise ConditionError(("double_opt_in",), "nothing is there to confirm", hint)
    if form.redirect and not (origin_of(form.redirect) and form.may_return_to(form.redirect)):
        raise ConditionError(("redirect",), "not a URL", "write https://shop.example/thanks")


def _fields(data: object) -> tuple[FormField, ...]:
    path: Path = ("fields",)
    if not isinstance(data, list) or not 0 < len(data) <= MAX_FIELDS:
        raise ConditionError(path, f"not a list of 1 to {MAX_FIELDS} fields")
    found = tuple(_field(one, (*path, place)) for place, one in enumerate(data))
    for place, field in enumerate(found):
        if field.name in {other.name for other in found[:place]}:
            raise ConditionError((*path, place, "name"), f"'{field.name}' is there twice")
        if field.trait and field.trait in {other.trait for other in found[:place]}:
            hint = "the later would hide the earlier"
            raise ConditionError((*path, place, "trait"), f"'{field.trait}' is there twice", hint)
    if sum(field.type == "email" for field in found) != 1:
        hint = "write {name: email, type: email, label: E-mail}"
        raise ConditionError(path, "one field must be of type email, and only one", hint)
    return found


def _field(data: object, path: Path) -> FormField:
    if not isinstance(data, dict):
        raise ConditionError(path, "not a field", "write {name: first_name, label: First name}")
    only(data, path, {"name", "label", "type", "required", "trait", "value"})
    given = needed(data, "name", "first_name", path)
    name = matching(_NAME, given, (*path, "name"), "a field's name", A_NAME)
    if name in RESERVED or name.startswith("utm_"):
        raise ConditionError((*path, "name"), f"'{name}' has a meaning of its own", "rename it")
    kind = one_of(data.get("type", "text"), (*path, "type"), "type", get_args(FieldType))
    required = flag(data.get("required", kind == "email"), (*path, "required"))
    if kind == "email" and not required:
        raise ConditionError((*path, "required"), "the address is always asked for", "leave it out")
    field = FormField(
        name=name,
        type=kind,  # type: ignore[arg-type]  # one of FieldType
        label=line(data.get("label", ""), (*path, "label")),
        trait=_trait(data.get("trait", ""), kind, (*path, "trait")),
        value=line(data.get("value", ""), (*path, "value")),
        required=required,
    )
    if kind == "hidden" and required:
        raise ConditionError((*path, "required"), "nobody can fill in a hidden field")
    if kind != "hidden" and not field.label:
        raise ConditionError((*path, "label"), "is missing", "say what is asked for")
    if kind != "hidden" and field.value:
        raise ConditionError((*path, "value"), "is for hidden fields only", "leave it out")
    return field


def _trait(data: object, kind: str, path: Path) -> str:
    if data == "":
        return ""
    name = matching(_NAME, data, path, "a trait's name", A_NAME)
    if kind == "email":
        raise ConditionError(path, "the address is always the trait email", "leave it out")
    if name in NOT_TRAITS:
        raise ConditionError(path, f"'{name}' is not for a form to set", "choose another name")
    return name


def _consent(data: object) -> Agreement:
    path: Path = ("consent",)
    if not isinstance(data, dict):
        hint = "write consent: {topics: [newsletter], text: …, version: v1}"
        raise ConditionError(path, "not a mapping", hint)
    only(data, path, {"topics", "text", "version", "checkbox"})
    topics = needed(data, "topics", "[newsletter]", path)
    here = (*path, "topics")
    if not isinstance(topics, list) or not 0 < len(topics) <= MAX_FIELDS:
        raise ConditionError(here, "not a list of topics", "write [newsletter]")
    named = tuple(
        matching(_ID, topic, (*here, n), "a topic", AN_ID) for n, topic in enumerate(topics)
    )
    words = text(needed(data, "text", "I would like …", path), (*path, "text"))
    if not words.strip():
        raise ConditionError((*path, "text"), "is empty", "say what a visitor agrees to")
    version = needed(data, "version", "v1", path)
    asked = one_of(data.get("checkbox", "required"), (*path, "checkbox"), "way", get_args(Asked))
    return Agreement(
        topics=tuple(dict.fromkeys(named)),
        text=words,
        version=matching(_ID, version, (*path, "version"), "a version", AN_ID),
        checkbox=asked,  # type: ignore[arg-type]  # one of Asked
    )


def _origins(data: object) -> tuple[str, ...]:
    path: Path = ("origins",)
    if not isinstance(data, list) or len(data) > MAX_FIELDS:
        raise ConditionError(path, "not a list", "write [https://shop.example]")
    hint = "such as https://shop.example, without a path"
    return tuple(matching(ORIGIN, one, (*path, n), "an origin", hint) for n, one in enumerate(data))
