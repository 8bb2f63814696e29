"""What a template is before and after publishing, and what comes of rendering one."""

from typing import Any

import msgspec


class TemplateError(Exception):
    """A template that cannot be published: where, what and how to put it right.

    `file` and `line` (from 1) point into what the author wrote, an included file too; line 0 means
    the whole file. `all` has every problem found in the same pass, this one first.
    """

    def __init__(
        self, template: str, line: int, message: str, hint: str = "", *, file: str = ""
    ) -> None:
        self.template = template
        self.line = line
        self.message = message
        self.hint = hint
        self.file = file or f"{template}.mjml"
        self.all: tuple[TemplateError, ...] = (self,)
        super().__init__(template, line, message, hint)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class TemplateSource(msgspec.Struct, frozen=True, kw_only=True):
    """What the author wrote. `text` is the file with its front matter; `partials` is what it may
    include, by file name; `sample` is the data shared by all templates for trying them out.
    """

    id: str
    text: str
    partials: dict[str, str] = {}
    sample: dict[str, Any] = {}


class CompiledTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A template as it is stored, published and rendered. JSON-able.

    `subject`, `preheader`, `html` and `text` are Jinja; MJML and CSS are already worked in.
    `version` is the publisher's number; `digest` tells two contents apart (workers cache by it).
    """

    id: str
    version: int = 1
    digest: str
    subject: str
    preheader: str
    html: str
    text: str
    locale: str = "en"
    topic: str = "marketing"
    transactional: bool = False
    description: str = ""
    variables: tuple[str, ...] = ()
    sample: dict[str, Any] = {}


class RenderJob(msgspec.Struct, frozen=True):
    """One mail to one contact. `data` is JSON-able and has the roots of the contract."""

    template: CompiledTemplate
    data: dict[str, Any]


class Rendered(msgspec.Struct, frozen=True, tag=True, array_like=True):
    subject: str
    html: str
    text: str


class RenderFailure(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """`reason` is always `template_error`; `detail` says more, without the contact's data."""

    detail: str
    reason: str = "template_error"
