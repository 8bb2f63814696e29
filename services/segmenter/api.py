"""/v1/contacts and /v1/segments."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response

from services.segmenter.adapters.contact_rows import Contacts
from services.segmenter.adapters.segment_rows import Segments
from shared import documents
from shared.auth import Keys
from shared.conditions import ConditionError
from shared.contracts import Definition
from shared.contracts.codec import encode
from shared.errors import Problem

Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[str, Query(description="`next` of the page before")]
DOCUMENT: dict[str, Any] = {
    "requestBody": {
        "content": {"application/yaml": {}, "application/json": {}},
        "required": True,
    }
}


@dataclass(slots=True)
class Services:
    """What the routes stand on."""

    keys: Keys
    contacts: Contacts
    segments: Segments


def add_routes(app: FastAPI, services: Services) -> None:
    """All routes of this service besides the operational ones."""
    app.include_router(_contacts(services))
    app.include_router(_segments(services))


def _contacts(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/contacts", tags=["contacts"])
    reader = Depends(services.keys.requires("read"))

    @router.get("")
    async def search(
        workspace: Annotated[str, reader],
        user_id: str = "",
        email: str = "",
        anonymous_id: str = "",
    ) -> Response:
        """Contacts with this identity; exactly one of the three is given."""
        asked = {"user": user_id, "email": email, "anonymous": anonymous_id}
        given = [(kind, value) for kind, value in asked.items() if value]
        if len(given) != 1:
            raise Problem(422, "Whom?", "Give one of user_id, email, anonymous_id.")
        found = await services.contacts.found_by(workspace, *given[0])
        return _json({"items": [{"contact": contact} for contact in found], "next": None})

    @router.get("/{contact}")
    async def contact(contact: str, workspace: Annotated[str, reader]) -> Response:
        """All that is known; of a merged contact, of who it is now."""
        return _json(await services.contacts.one(workspace, contact))

    @router.get("/{contact}/timeline")
    async def timeline(
        contact: str, workspace: Annotated[str, reader], after: After = "", limit: Limit = 100
    ) -> Response:
        """What happened, the newest first."""
        rows = await services.contacts.timeline(workspace, contact, _cursor(after), limit)
        full = len(rows) == limit
        last = f"{rows[-1]['at'].isoformat()}/{rows[-1]['message_id']}" if full else None
        return _json({"items": rows, "next": last})

    return router


def _segments(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/segments", tags=["segments"])
    reader = Depends(services.keys.requires("read"))
    writer = Depends(services.keys.requires("write"))

    @router.put("/{segment}", openapi_extra=DOCUMENT)
    async def put(segment: str, request: Request, workspace: Annotated[str, writer]) -> Response:
        """Publish, as YAML or JSON. Contacts are back-filled while events flow."""
        document = await _document(request)
        named = document.data.get("segment") if isinstance(document.data, dict) else None
        if named is not None and named != segment:
            message = f"it is called '{segment}' (file or URL), but says '{named}': name them alike"
            raise _refused(document.line(("segment",)), ("segment",), message)
        try:
            saved = await services.segments.publish(workspace, document.data)
        except ConditionError as error:
            line = document.line(error.path)
            raise _refused(line, error.path, error.message, error.hint or "") from error
        return _json(_published(saved))

    @router.get("")
    async def segments(workspace: Annotated[str, reader]) -> Response:
        """All segments and how many are in each."""
        counts = await services.segments.counts(workspace)
        known = await services.segments.all(workspace)
        items = [{**_published(d), "members": counts.get(d.id, 0)} for d in known]
        return _json({"items": items, "next": None})

    @router.get("/{segment}")
    async def one(segment: str, workspace: Annotated[str, reader]) -> Response:
        """As it was published."""
        found = await services.segments.one(workspace, segment)
        return _json({**_published(found), "body": found.body})

    @router.get("/{segment}/members")
    async def members(
        segment: str, workspace: Annotated[str, reader], after: After = "", limit: Limit = 100
    ) -> Response:
        """Who is in it and since when, in order of contact."""
        await services.segments.one(workspace, segment)
        rows = await services.segments.members(workspace, segment, after, limit)
        items = [{"contact": contact, "since": since} for contact, since in rows]
        return _json({"items": items, "next": rows[-1][0] if len(rows) == limit else None})

    return router


async def _document(request: Request) -> documents.Document:
    try:
        return await asyncio.to_thread(documents.read, await request.body())
    except documents.Unreadable as error:
        raise _refused(error.line, (), error.message) from error


def _refused(line: int, path: Sequence[str | int], message: str, hint: str = "") -> Problem:
    where = f"line {line}: " if line else ""
    error = {"line": line or None, "path": list(path), "message": message, "hint": hint or None}
    detail = f"{where}{message}" + (f"; {hint}" if hint else "")
    return Problem(422, "Not a segment", detail, errors=[error])


def _published(definition: Definition) -> dict[str, Any]:
    return {
        "id": definition.id,
        "version": definition.version,
        "revision": definition.revision,
        "status": definition.status,
        "description": definition.body.get("description", ""),
    }


def _cursor(after: str) -> tuple[datetime, str] | None:
    """`2026-06-01T12:00:00+00:00/message-id`."""
    if not after:
        return None
    at, _, message_id = after.partition("/")
    try:
        found = datetime.fromisoformat(at.replace(" ", "+"))  # a + in a query may come as a space
    except ValueError as error:
        raise Problem(422, "Not a page", "Give `next` of the page before as `after`.") from error
    if found.tzinfo is None:
        raise Problem(422, "Not a page", "Give `next` of the page before as `after`.")
    return found, message_id


def _json(value: object) -> Response:
    """Decimals stay numbers, which FastAPI's own encoder would not do."""
    return Response(encode(value), media_type="application/json")
