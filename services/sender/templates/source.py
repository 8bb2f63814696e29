"""Reading what the author wrote: front matter, included files, the folder they lie in."""

import re
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from services.sender.templates.model import TemplateError, TemplateSource
from shared.hints import did_you_mean

MAX_SOURCE = 200_000
_MAX_LINES = 10_000
_INCLUDE = re.compile(r"""\{%\s*include\s+["']([^"']*)["']\s*%\}""")


class FrontMatter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The block between two `---` at the top of a template."""

    subject: str
    preheader: str = ""
    description: str = ""
    topic: str = "marketing"
    transactional: bool = False
    locale: str = "en"
    text: str = ""
    sample: dict[str, Any] = {}


class Line(msgspec.Struct, frozen=True):
    """A line of the body after includes, and where it was written."""

    text: str
    file: str
    number: int


class Page(msgspec.Struct, frozen=True):
    """A template taken apart: its front matter and its body's lines."""

    id: str
    front: FrontMatter
    fields: dict[str, int]
    lines: list[Line]

    @property
    def body(self) -> str:
        return "\n".join(line.text for line in self.lines)

    def field_line(self, field: str) -> int:
        """The line of the file that sets a field of the front matter."""
        return self.fields.get(field, 1)

    def error(self, at: int, message: str, hint: str = "") -> TemplateError:
        """An error at an offset of `body`, placed in the file it was written in."""
        line = self.lines[min(self.body.count("\n", 0, at), len(self.lines) - 1)]
        return TemplateError(self.id, line.number, message, hint, file=line.file)


def read_templates(path: Path) -> list[TemplateSource]:
    """The templates in a folder (`<id>.mjml`, with `_<name>.mjml` to include and `_sample.yaml`),
    or the one in a file, with what lies beside it.
    """
    folder, only = (path, "") if path.is_dir() else (path.parent, path.name)
    partials: dict[str, str] = {}
    texts: dict[str, str] = {}
    for file in sorted(folder.glob("*.mjml")):
        if file.name.startswith("_"):
            partials[file.name] = _read(file)
        elif only in ("", file.name):
            texts[file.name] = _read(file)
    if only in partials:
        hint = f"apply the folder: {folder}"
        raise TemplateError(path.stem, 0, "is a part of other templates", hint)
    if only and not texts:
        raise TemplateError(path.stem, 0, "there is no such template", "a file <id>.mjml")
    sample_file = folder / "_sample.yaml"
    sample: Any = {}
    if sample_file.exists():
        sample = _yaml(_read(sample_file), "_sample", "_sample.yaml", 0)
    if not isinstance(sample, dict):
        raise TemplateError("_sample", 1, "is not a mapping", file="_sample.yaml")
    return [
        TemplateSource(id=name.removesuffix(".mjml"), text=text, partials=partials, sample=sample)
        for name, text in texts.items()
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        hint = "save the file as UTF-8"
        raise TemplateError(path.stem, 0, "is not UTF-8", hint, file=path.name) from None


def page(source: TemplateSource) -> Page:
    """Front matter read, includes resolved."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", source.id):
        hint = "small letters, digits and hyphens, up to 64"
        raise TemplateError(source.id, 0, "this file name is no template's id", hint)
    if len(source.text) > MAX_SOURCE or "\0" in source.text:
        hint = f"up to {MAX_SOURCE} characters"
        raise TemplateError(source.id, 0, "is too long or has a NUL in it", hint)
    rows = source.text.replace("\r\n", "\n").split("\n")
    ends = [n for n, row in enumerate(rows) if row.rstrip() == "---"]
    if len(ends) < 2 or ends[0] != 0:  # noqa: PLR2004 - the line that opens and the line that closes
        hint = "begin with ---, subject: …, ---"
        raise TemplateError(source.id, 1, "has no front matter", hint)
    above = rows[1 : ends[1]]
    front = _front_matter(source.id, above)
    fields = {name: _line_of(above, name) for name in FrontMatter.__struct_fields__}
    file = f"{source.id}.mjml"
    body = [Line(row, file, n) for n, row in enumerate(rows[ends[1] + 1 :], ends[1] + 2)]
    return Page(source.id, front, fields, _include(source, body))


def _front_matter(template: str, rows: list[str]) -> FrontMatter:
    given = _yaml("\n".join(rows), template, f"{template}.mjml", 1)
    if not isinstance(given, dict):
        raise TemplateError(template, 1, "the front matter is not a mapping", "write `subject: …`")
    fields = FrontMatter.__struct_fields__
    for name in given:
        if name not in fields:
            hint = did_you_mean(str(name), fields, "known: " + ", ".join(fields))
            raise TemplateError(template, _line_of(rows, name), f"unknown field {name!r}", hint)
    try:
        front = msgspec.convert(given, FrontMatter)
    except msgspec.ValidationError as error:
        field = re.search(r"`\$\.(\w+)", str(error))
        line = _line_of(rows, field[1]) if field else 1
        raise TemplateError(template, line, str(error)) from None
    if not front.subject.strip():
        raise TemplateError(template, _line_of(rows, "subject"), "the subject is empty")
    return front


def _line_of(rows: list[str], name: object) -> int:
    """The line in the file (front matter starts at its second) that sets a field."""
    return next((n for n, row in enumerate(rows, 2) if row.startswith(f"{name}:")), 1)


def _yaml(text: str, template: str, file: str, lines_before: int) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 + lines_before if mark else 1
        message = f"YAML: {error.problem or error.context}"
        hint = "quote values that begin with {{ or have ': ' in them"
        raise TemplateError(template, line, message, hint, file=file) from None
    except (YAMLError, ValueError, TypeError, RecursionError, AttributeError) as error:
        raise TemplateError(template, 1, f"YAML: {type(error).__name__}", file=file) from None


def _include(source: TemplateSource, lines: list[Line], inside: tuple[str, ...] = ()) -> list[Line]:
    """The lines with each `{% include "_name.mjml" %}` replaced by that file's."""
    out: list[Line] = []
    for line in lines:
        rest = line.text
        while found := _INCLUDE.search(rest):
            name = found[1]
            fail = _include_problem(source, name, inside)
            if fail:
                raise TemplateError(source.id, line.number, *fail, file=line.file)
            rows = source.partials[name].replace("\r\n", "\n").rstrip("\n").split("\n")
            inner = [Line(row, name, n) for n, row in enumerate(rows, 1)]
            if before := rest[: found.start()].rstrip():
                out.append(Line(before, line.file, line.number))
            out += _include(source, inner, (*inside, name))
            rest = rest[found.end() :]
            if len(out) > _MAX_LINES:
                raise TemplateError(source.id, line.number, "includes too much", file=line.file)
        if rest.strip() or rest == line.text:
            out.append(Line(rest, line.file, line.number))
    return out


def _include_problem(
    source: TemplateSource, name: str, inside: tuple[str, ...]
) -> tuple[str, str] | None:
    if name not in source.partials:
        hint = did_you_mean(name, source.partials, "files to include begin with _")
        return f"there is no {name!r} to include", hint
    if name in inside:
        return f"{name!r} includes itself", " -> ".join((*inside, name))
    return None
