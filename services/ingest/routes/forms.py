"""/v1/forms: publish forms and look at them. What visitors do is in `submissions.py`."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from services.ingest.adapters.bodies import whole_body
from services.ingest.adapters.forms import Forms
from services.ingest.domain.forms import parse_form
from shared import documents
from shared.auth import Keys
from shared.conditions import ConditionError
from shared.contracts import Definition
from shared.contracts.codec import encode
from shared.errors import Problem
from shared.problems import KEYS, problems

MAX_FILE_BYTES = 64 * 1024
After = Annotated[str, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=1000)]
_YAML = """form: newsletter
title: Letters from us
fields: [{name: email, type: email, label: E-mail address}]
consent: {topics: [newsletter], text: Send me your letters., version: v1}
double_opt_in: true
"""
DOCUMENT: dict[str, Any] = {
    "requestBody": {
        "content": {
            "application/yaml": {"example": _YAML},
            "application/json": {"example": documents.read(_YAML.encode()).data},
        },
        "required": True,
    }
}


class Published(BaseModel):
    """A form that is in force. `page`: where visitors find it, under ingest's public URL."""

    id: str
    version: int
    revision: int
    status: str
    description: str
    page: str


class Publication(Published):
    """`changed`: this made a new version."""

    changed: bool


class OneForm(Published):
    """`body`: the file as it was published."""

    body: dict[str, Any]


class FormList(BaseModel):
    """Ordered by id. `next`: give it as `after`; null on the last page."""

    items: list[Published]
    next: str | None


def router(forms: Forms, keys: Keys) -> APIRouter:
    routes = APIRouter(prefix="/v1/forms", tags=["forms"], responses=KEYS)
    reader = Depends(keys.requires("read"))
    writer = Depends(keys.requires("write"))

    @routes.put(
        "/{form}",
        summary="Publish a form",
        response_model=Publication,
        openapi_extra=DOCUMENT,
        responses=problems(_413="Larger than 64 kB", _422="Not a form: which line, and why"),
    )
    async def put(form: str, request: Request, workspace: Annotated[str, writer]) -> Response:
        """As YAML or JSON. Visitors see it a moment later, as soon as it was announced."""
        document = await _document(await whole_body(request, MAX_FILE_BYTES))
        named = document.data.get("form") if isinstance(document.data, dict) else None
        if named is not None and named != form:
            message = f"it is called '{form[:80]}' (file or URL), but says '{str(named)[:80]}'"
            raise _refused(document.line(("form",)), ("form",), message, "name them alike")
        try:
            parsed = parse_form(document.data)
        except ConditionError as error:
            line = document.line(error.path)
            raise _refused(line, error.path, error.message, error.hint or "") from error
        saved, changed = await forms.publish(workspace, parsed)
        return _json({**_published(saved), "changed": changed}, 201 if changed else 200)

    @routes.get("", summary="All forms", response_model=FormList)
    async def all_forms(
        workspace: Annotated[str, reader], after: After = "", limit: Limit = 100
    ) -> Response:
        """The newest version of each."""
        known = [d for d in await forms.all(workspace) if d.id > after]
        page = [_published(d) for d in known[:limit]]
        return _json({"items": page, "next": page[-1]["id"] if len(known) > limit else None})

    @routes.get(
        "/{form}",
        summary="One form as it was published",
        response_model=OneForm,
        responses=problems(_404="No such form"),
    )
    async def one(form: str, workspace: Annotated[str, reader]) -> Response:
        found = await forms.one(workspace, form)
        return _json({**_published(found), "body": found.body})

    return routes


async def _document(text: bytes) -> documents.Document:
    try:
        return await asyncio.to_thread(documents.read, text)
    except documents.Unreadable as error:
        raise _refused(error.line, (), error.message) from error


def _refused(line: int, path: Sequence[str | int], message: str, hint: str = "") -> Problem:
    where = f"line {line}: " if line else ""
    error = {"line": line or None, "path": list(path), "message": message, "hint": hint or None}
    detail = f"{where}{message}" + (f"; {hint}" if hint else "")
    return Problem(422, "Not a form", detail, errors=[error])


def _published(found: Definition) -> dict[str, Any]:
    workspace = {"workspace": found.workspace} if found.workspace != "default" else {}
    return {
        "id": found.id,
        "version": found.version,
        "revision": found.revision,
        "status": found.status,
        "description": found.body.get("description", ""),
        "page": f"/f/{found.id}" + (f"?{urlencode(workspace)}" if workspace else ""),
    }


def _json(value: object, status: int = 200) -> Response:
    return Response(encode(value), status, media_type="application/json")
