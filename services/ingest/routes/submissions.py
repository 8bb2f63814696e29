"""What visitors do with a form: see it, post it. No key: a form is open to everybody."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse

from services.ingest import form_page, metrics
from services.ingest.adapters.bodies import whole_body
from services.ingest.adapters.forms import Forms
from services.ingest.domain.forms import (
    CAMPAIGN,
    Fault,
    Form,
    Pace,
    client_of,
    ignored,
    is_trapped,
    neighbourhood,
    read_post,
    submission,
)
from services.ingest.handlers import Door
from services.ingest.refusing import refusal
from services.ingest.routes.forms import problems
from services.ingest.submitting import submit
from shared.contracts.wire import BadCall
from shared.errors import Problem

log = structlog.get_logger()
MAX_POST_BYTES = 32 * 1024
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
_TAKEN: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Kept. As a page, or to who asks for JSON:",
        "content": {
            "application/json": {
                "example": {"success": True, "message": "You are signed up.", "redirect": None}
            }
        },
    },
    303: {"description": "Kept; on to the form's redirect, or the one that was posted"},
}
_REFUSED = problems(
    _400="A body that cannot be read",
    _404="No such form",
    _413="Larger than 32 kB",
    _422="Which fields are at fault; the form again, for who asks for a page",
    _429="This address posts too often; `Retry-After` says when to go on",
    _503="Kafka did not take it in time; `Retry-After` says when to repeat",
)


@dataclass(frozen=True, slots=True)
class Reception:
    """`proxies`: how many of ours stand before ingest and add to X-Forwarded-For."""

    forms: Forms
    pace: Pace
    public_url: str
    proxies: int = 0


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
        return await _Visit(door, reception, request).posted(workspace, form)

    @routes.options("/v1/forms/{form}", include_in_schema=False)
    async def preflight(form: str, request: Request, workspace: Workspace = "default") -> Response:
        shown, _ = reception.forms.shown(workspace, form)
        headers = {"access-control-allow-headers": "content-type", "access-control-max-age": "600"}
        answer = Response(status_code=204, headers=headers)
        return _readable_by(answer, request, shown)

    @routes.get("/f/embed.js", include_in_schema=False)
    async def embed() -> Response:
        headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
        return Response(form_page.script(), headers=headers, media_type="text/javascript")

    @routes.api_route(
        "/f/{form}", methods=["GET", "HEAD"], summary="A form's page", include_in_schema=False
    )
    async def page(form: str, request: Request, workspace: Workspace = "default") -> Response:
        """UTM parameters and a referrer are carried along."""
        try:
            shown, _ = reception.forms.shown(workspace, form)
        except Problem as problem:
            return _told(None, problem)
        hidden = {n: v[:200] for n, v in request.query_params.items() if n in CAMPAIGN}
        referrer = request.headers.get("referer", "")[:1000]
        hidden |= {"referrer": referrer} if referrer else {}
        return form_page.page(shown, workspace, form_page.Shown(hidden=hidden))

    @routes.get(
        "/v1/forms/{form}/snippet",
        summary="A form's HTML for a page of the shop",
        response_class=PlainTextResponse,
        responses=problems(_404="No such form"),
    )
    async def snippet(form: str, workspace: Workspace = "default") -> Response:
        """Copy and paste it. It works without its script, and better with it."""
        shown, _ = reception.forms.shown(workspace, form)
        return PlainTextResponse(form_page.snippet(shown, workspace, reception.public_url))

    return routes


@dataclass(slots=True)
class _Visit:
    """One post, from the visitor's address to the answer that the visitor can read."""

    door: Door
    reception: Reception
    request: Request
    form: Form | None = None

    async def posted(self, workspace: str, name: str) -> Response:
        try:
            self.form, version = self.reception.forms.shown(workspace, name)
            self._not_too_often(workspace, name)
            answer = await self._taken(workspace, self.form, version)
        except Problem as problem:
            answer = self._refused(problem)
        return _readable_by(answer, self.request, self.form)

    async def _taken(self, workspace: str, form: Form, version: int) -> Response:
        body = await whole_body(self.request, MAX_POST_BYTES)
        try:
            posted = read_post(self.request.headers.get("content-type", ""), body)
        except BadCall as bad:
            raise Problem(400, "Unreadable", str(bad), errors=[_entry(bad)]) from bad
        if is_trapped(posted):
            metrics.FORMS.labels("trapped").inc()
            return self._done(form, "", [])
        found, faults = submission(form, posted, self.request.headers.get("referer", ""))
        if found is None:
            metrics.FORMS.labels("refused").inc()
            return self._faulty(form, workspace, posted, faults)
        await submit(self.door, workspace, form, version, found)
        return self._done(form, found.redirect, ignored(form, posted))

    def _not_too_often(self, workspace: str, name: str) -> None:
        peer = self.request.client.host if self.request.client else ""
        forwarded = ",".join(self.request.headers.getlist("x-forwarded-for"))
        address = neighbourhood(client_of(peer, forwarded, self.reception.proxies))
        wait = self.reception.pace.wait((workspace, name, address), time.monotonic())
        if wait:
            metrics.FORMS.labels("too_often").inc()
            seconds = int(wait) + 1
            detail = f"Wait {seconds} seconds."
            raise Problem(429, "Too often", detail, retry_after=seconds)

    def _done(self, form: Form, redirect: str, unknown: list[str]) -> Response:
        words = form_page.words_of(form)
        text = form.thank_you or (words.look_into_mail if form.double_opt_in else words.thanks)
        if not self._wants_page():
            said = {"success": True, "message": text, "redirect": redirect or None}
            return JSONResponse({**said, "ignored": unknown} if unknown else said)
        if redirect:
            return RedirectResponse(redirect, 303)
        return form_page.told(form, words.thanks_title, text)

    def _faulty(
        self, form: Form, workspace: str, posted: Mapping[str, Any], faults: list[Fault]
    ) -> Response:
        words = form_page.words_of(form)
        if self._wants_page():
            shown = form_page.again(form, posted, faults)
            return form_page.page(form, workspace, shown, 422)
        errors = [{"field": f.field, "message": form_page.fault_text(form, f)} for f in faults]
        detail = "; ".join(f"{error['field']}: {error['message']}" for error in errors)
        problem = Problem(422, "Not filled in", detail, message=words.faulty, errors=errors)
        return refusal(problem)

    def _refused(self, problem: Problem) -> Response:
        if self._wants_page():
            return _told(self.form, problem)
        return refusal(problem)

    def _wants_page(self) -> bool:
        return "text/html" in self.request.headers.get("accept", "")


def _told(form: Form | None, problem: Problem) -> Response:
    """A problem as a page, in the form's words where they say it."""
    words = form_page.words_of(form)
    title, text = words.not_now_title, problem.detail
    if problem.status == 404:  # noqa: PLR2004
        title, text = words.no_form_title, words.no_form
    elif problem.status == 429:  # noqa: PLR2004
        text = words.too_often
    elif problem.status == 503:  # noqa: PLR2004
        text = words.not_kept
    answer = form_page.told(form, title, text, problem.status)
    if "retry_after" in problem.more:
        answer.headers["retry-after"] = str(problem.more["retry_after"])
    return answer


def _entry(bad: BadCall) -> dict[str, str]:
    return {"field": bad.field, "message": bad.message}


def _readable_by(answer: Response, request: Request, form: Form | None) -> Response:
    """A script of the form's origins may read the answer."""
    origin = request.headers.get("origin", "")
    answer.headers["vary"] = "Origin, Accept"
    if form is not None and origin in form.origins:
        answer.headers["access-control-allow-origin"] = origin
    return answer
