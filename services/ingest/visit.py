"""One post of a form: from the visitor's address to an answer that the visitor can read."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from services.ingest import form_page, metrics
from services.ingest.adapters.bodies import whole_body
from services.ingest.adapters.forms import Forms
from services.ingest.domain.calls import Remark
from services.ingest.domain.forms import (
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
from services.ingest.submitting import sender_of, submit
from shared.contracts.wire import BadCall
from shared.errors import Problem

MAX_POST_BYTES = 32 * 1024
SHOWN_A_SECOND = 5  # of a form's refusals, in the live view: machines post too
TOO_OFTEN = (
    "429 Too often: one address posted more than TUVI_FORM_BURST allows. If many visitors are sent "
    "away, their requests come by proxies that TUVI_PROXIES does not count"
)


@dataclass(frozen=True, slots=True)
class Reception:
    """`proxies`: how many of ours stand before ingest and add to X-Forwarded-For."""

    forms: Forms
    pace: Pace
    public_url: str
    proxies: int = 0


@dataclass(slots=True)
class Visit:
    """One post, from the visitor's address to the answer that the visitor can read."""

    door: Door
    reception: Reception
    request: Request
    form: Form | None = None

    async def posted(self, workspace: str, name: str) -> Response:
        try:
            self.form, version = self.reception.forms.shown(workspace, name)
            self._not_too_often(workspace, self.form)
            answer = await self._taken(workspace, self.form, version)
        except Problem as problem:
            answer = self._refused(problem)
        return readable_by(answer, self.request, self.form)

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
            remarks = [Remark(0, "", f.field, form_page.fault_text(form, f)) for f in faults]
            self._tell(form, workspace, remarks)
            return self._faulty(form, workspace, posted, faults)
        await submit(self.door, workspace, form, version, found)
        return self._done(form, found.redirect, ignored(form, posted))

    def _not_too_often(self, workspace: str, form: Form) -> None:
        peer = self.request.client.host if self.request.client else ""
        forwarded = ",".join(self.request.headers.getlist("x-forwarded-for"))
        address = neighbourhood(client_of(peer, forwarded, self.reception.proxies))
        wait = self.reception.pace.wait((workspace, form.id, address), time.monotonic())
        if wait:
            metrics.FORMS.labels("too_often").inc()
            self._tell(form, workspace, [Remark(0, "", "request", TOO_OFTEN)], a_second=1)
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

    def _tell(
        self, form: Form, workspace: str, remarks: list[Remark], a_second: int = SHOWN_A_SECOND
    ) -> None:
        """For `tuvi events tail`: which field, never what stood in it."""
        sender = sender_of(self.door, workspace, form)
        self.door.refusals.tell(sender, f"/v1/forms/{form.id}", remarks, a_second=a_second)

    def _refused(self, problem: Problem) -> Response:
        if self._wants_page():
            return told(self.form, problem)
        return refusal(problem)

    def _wants_page(self) -> bool:
        return "text/html" in self.request.headers.get("accept", "")


def told(form: Form | None, problem: Problem) -> Response:
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


def readable_by(answer: Response, request: Request, form: Form | None) -> Response:
    """A script of the form's origins may read the answer."""
    origin = request.headers.get("origin", "")
    answer.headers["vary"] = "Origin, Accept"
    if form is not None and origin in form.origins:
        answer.headers["access-control-allow-origin"] = origin
    return answer
