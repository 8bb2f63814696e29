"""/v1/journeys: publish, look at, pause, resume; runs, and why."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response

from services.orchestrator.adapters import answers, reports
from services.orchestrator.adapters.publishing import Publishing
from services.orchestrator.adapters.words import in_words
from services.orchestrator.domain import Journey, JourneyError, missing, parse_journey
from shared import documents
from shared.auth import Keys
from shared.contracts import Definition
from shared.contracts.codec import encode
from shared.definitions import Registry
from shared.errors import Problem

Status = Literal["active", "exited"]
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[str, Query(description="`next` of the page before")]


@dataclass(slots=True)
class Services:
    """What the routes stand on."""

    pool: asyncpg.Pool
    keys: Keys
    publishing: Publishing
    registry: Registry

    def missing(self, workspace: str, journey: Journey) -> list[str]:
        """What it rests on and nobody has published, as far as this process has heard."""
        templates = self.registry.all("template", workspace)
        segments = self.registry.all("segment", workspace)
        topics = {d.id: d.body.get("topic", journey.topic) for d in templates}
        return missing(journey, topics, {d.id for d in segments})


def add_routes(app: FastAPI, services: Services) -> None:
    """All routes of this service besides the operational ones."""
    app.include_router(_publishing(services))
    app.include_router(_looking(services))


def _publishing(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/journeys", tags=["journeys"])
    writer = Depends(services.keys.requires("write"))
    body = {"content": {"application/yaml": {}, "application/json": {}}, "required": True}
    documented: dict[str, Any] = {"requestBody": body}

    async def publish(
        request: Request, workspace: str, expected: str | None, *, dry_run: bool
    ) -> Response:
        journey = await _journey(request, expected)
        warnings = services.missing(workspace, journey)
        if dry_run:
            known = {d.id: d for d in await services.publishing.all(workspace)}
            plan = answers.planned(journey.id, journey.body, known.get(journey.id))
            return _json({**plan, "warnings": warnings})
        saved, changed = await services.publishing.publish(workspace, journey.id, journey.body)
        answer = {**answers.published(saved), "changed": changed, "warnings": warnings}
        return _json(answer, 201 if changed else 200)

    @router.post("", response_model=answers.Publication, openapi_extra=documented)
    async def post(
        request: Request, workspace: Annotated[str, writer], *, dry_run: bool = False
    ) -> Response:
        """Publish, as YAML or JSON; with dry_run only say what that would change."""
        return await publish(request, workspace, None, dry_run=dry_run)

    @router.put("/{journey}", response_model=answers.Publication, openapi_extra=documented)
    async def put(
        request: Request, journey: str, workspace: Annotated[str, writer], *, dry_run: bool = False
    ) -> Response:
        """Publish under this name, which the document must have too."""
        return await publish(request, workspace, journey, dry_run=dry_run)

    @router.post("/{journey}/pause", response_model=answers.Published)
    async def pause(journey: str, workspace: Annotated[str, writer]) -> Response:
        """Nobody enters, no step is taken, no mail goes out, until it is resumed."""
        saved = await services.publishing.set_status(workspace, journey, "paused")
        return _json(answers.published(saved))

    @router.post("/{journey}/resume", response_model=answers.Published)
    async def resume(journey: str, workspace: Annotated[str, writer]) -> Response:
        """What was due meanwhile is done now, as far as it has not expired."""
        saved = await services.publishing.set_status(workspace, journey, "running")
        return _json(answers.published(saved))

    return router


def _looking(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/journeys", tags=["journeys"])
    reader = Depends(services.keys.requires("read"))

    @router.get("", response_model=answers.Journeys)
    async def journeys(
        workspace: Annotated[str, reader], after: After = "", limit: Limit = 100
    ) -> Response:
        known = [d for d in await services.publishing.all(workspace) if d.id > after]
        page = [answers.published(d) for d in known[:limit]]
        return _json({"items": page, "next": page[-1]["id"] if len(known) > limit else None})

    @router.get("/{journey}", response_model=answers.OneJourney)
    async def journey(journey: str, workspace: Annotated[str, reader]) -> Response:
        found = await services.publishing.one(workspace, journey)
        versions = await services.publishing.versions(workspace, journey)
        return _json({**answers.published(found), "versions": versions, "body": found.body})

    @router.get("/{journey}/runs", response_model=answers.Runs)
    async def runs(
        journey: str,
        workspace: Annotated[str, reader],
        contact: str | None = None,
        status: Status | None = None,
        after: After = "",
        limit: Limit = 100,
    ) -> Response:
        """The newest first; a contact's with those of the contacts merged into it."""
        await services.publishing.one(workspace, journey)
        rows = await reports.runs(
            services.pool,
            workspace,
            journey,
            contacts=await reports.kin(services.pool, workspace, contact) if contact else None,
            status=status,
            after=reports.Cursor.parse(after) if after else None,
            limit=limit,
        )
        return _json({"items": rows, "next": reports.next_page(rows, limit, "entered_at", "run")})

    @router.get("/{journey}/explain", response_model=answers.Explanation)
    async def explanation(
        journey: str,
        contact: str,
        workspace: Annotated[str, reader],
        after: After = "",
        limit: Limit = 500,
    ) -> Response:
        """Why this contact got what it got, or nothing: in words, and what they rest on."""
        definition = await services.publishing.one(workspace, journey)
        contacts = await reports.kin(services.pool, workspace, contact)
        cursor = reports.Cursor.parse(after) if after else None
        rows = await reports.decisions(
            services.pool, workspace, contacts, journey, after=cursor, limit=limit
        )
        waiting = await reports.waiting(services.pool, workspace, contacts, journey)
        taken = [answers.decision(row, workspace) for row in rows]
        found = await reports.runs(services.pool, workspace, journey, contacts=contacts)
        going = waiting or any(run["status"] == "active" for run in found)
        profile = await reports.profile(services.pool, workspace, contacts[0]) if going else None
        words = in_words(definition, _readable(definition), taken, waiting, profile)
        return _json(
            {
                "contact": contacts[0],
                "status": definition.status,
                "words": words,
                "decisions": rows,
                "runs": found,
                "next": reports.next_page(rows, limit, "at", "seq"),
            }
        )

    return router


async def _journey(request: Request, expected: str | None) -> Journey:
    """Raises Problem 413 or 422 with line, path and hint."""
    text = bytearray()
    async for chunk in request.stream():
        text += chunk
        if len(text) > documents.MAX_BYTES:
            raise Problem(413, "Too long", f"A journey has up to {documents.MAX_BYTES} bytes.")
    try:
        document = await asyncio.to_thread(documents.read, bytes(text))
    except documents.Unreadable as error:
        raise _refused(error.line, (), error.message) from error
    try:
        journey = parse_journey(document.data)
    except JourneyError as error:
        line = document.line(error.path)
        raise _refused(line, error.path, error.message, error.hint or "") from error
    if expected is not None and journey.id != expected:
        message = (
            f"it is called '{expected}' (file or URL), but says '{journey.id}': name them alike"
        )
        raise _refused(document.line(("journey",)), ("journey",), message)
    return journey


def _readable(definition: Definition) -> Journey | None:
    """Published by a newer Tuvi, a journey may say what this one does not understand."""
    try:
        return parse_journey(definition.body, definition.version)
    except JourneyError:
        return None


def _refused(line: int, path: Sequence[str | int], message: str, hint: str = "") -> Problem:
    where = f"line {line}: " if line else ""
    error = {"line": line or None, "path": list(path), "message": message, "hint": hint or None}
    detail = f"{where}{message}" + (f"; {hint}" if hint else "")
    return Problem(422, "Not a journey", detail, errors=[error])


def _json(value: object, status: int = 200) -> Response:
    """Decimals stay numbers, which FastAPI's own encoder would not do."""
    return Response(encode(value), status, media_type="application/json")
