"""What visitors do with a form: see it, post it. No key: a form is open to everybody."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from services.ingest import form_page
from services.ingest.domain.forms import CAMPAIGN
from services.ingest.handlers import Door
from services.ingest.visit import Reception, Visit, readable_by, told
from shared.errors import Problem
from shared.problems import problems

Workspace = Annotated[str, Query(description="whose form it is")]
_EXAMPLE = {"email": "ann@example.com", "consent": True, "utm_source": "instagram"}
_POSTED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "object"}, "example": _EXAMPLE}
            for kind in ("application/json", "application/x-www-form-urlencoded")
        },
    }
}
_HTML: dict[str, Any] = {"content": {"text/html": {"schema": {"type": "string"}}}}
_UNREAD: dict[str, Any] = {"description": "This server has just started", **_HTML}
_TAKEN: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Kept. A page to who accepts `text/html`, else JSON",
        "content": {
            "text/html": {"schema": {"type": "string"}},
            "application/json": {
                "example": {"success": True, "message": "You are signed up.", "redirect": None}
            },
        },
    },
    303: {"description": "Kept; on to the form's redirect, or the one that was posted"},
}
_REFUSED = problems(
    _400="A body that cannot be read",
    _404="No such form",
    _413="Larger than 32 kB",
    _415="Packed in another way than gzip",
    _422="Which fields are at fault; the form again, for who asks for a page",
    _429="This address posts too often; `Retry-After` says when to go on",
    _503="Kafka did not take it in time; `Retry-After` says when to repeat",
)


def router(door: Door, reception: Reception) -> APIRouter:
    routes = APIRouter(tags=["forms"])

    @routes.post(
        "/v1/forms/{form}",
        summary="Submit a form",
        openapi_extra=_POSTED,
        responses={**_TAKEN, **_REFUSED},
    )
    async def post(form: str, request: Request, workspace: Workspace = "default") -> Response:
        """JSON, form-encoded or multipart. Answered when Kafka has it: as a page to who accepts
        `text/html`, else as JSON. `submission`, if given, makes a repeat harmless.
        """
        return await Visit(door, reception, request).posted(workspace, form)

    @routes.options("/v1/forms/{form}", include_in_schema=False)
    async def preflight(form: str, request: Request, workspace: Workspace = "default") -> Response:
        shown, _ = reception.forms.shown(workspace, form)
        headers = {"access-control-allow-headers": "content-type", "access-control-max-age": "600"}
        answer = Response(status_code=204, headers=headers)
        return readable_by(answer, request, shown)

    @routes.get("/f/embed.js", include_in_schema=False)
    async def embed() -> Response:
        headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
        return Response(form_page.script(), headers=headers, media_type="text/javascript")

    @routes.head("/f/{form}", include_in_schema=False)
    @routes.get(
        "/f/{form}",
        summary="A form's page",
        response_class=HTMLResponse,
        responses={404: {"description": "No such form", **_HTML}, 503: _UNREAD},
    )
    async def page(form: str, request: Request, workspace: Workspace = "default") -> Response:
        """UTM parameters and a referrer are carried along."""
        try:
            shown, _ = reception.forms.shown(workspace, form)
        except Problem as problem:
            return told(None, problem)
        hidden = {n: v[:200] for n, v in request.query_params.items() if n in CAMPAIGN}
        referrer = request.headers.get("referer", "")[:1000]
        hidden |= {"referrer": referrer} if referrer else {}
        return form_page.page(shown, workspace, form_page.Shown(hidden=hidden))

    @routes.get(
        "/v1/forms/{form}/snippet",
        summary="A form's HTML for a page of the shop",
        response_class=PlainTextResponse,
        responses=problems(_404="No such form", _503="This server has just started"),
    )
    async def snippet(form: str, workspace: Workspace = "default") -> Response:
        """Copy and paste it. It works without its script, and better with it."""
        shown, _ = reception.forms.shown(workspace, form)
        return PlainTextResponse(form_page.snippet(shown, workspace, reception.public_url))

    return routes
