"""/v1/reports: journeys, one journey, a workspace in one look."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from pydantic import BeforeValidator

from services.metrics.adapters import answers, sums
from services.metrics.adapters.journeys import Journeys
from services.metrics.adapters.spreadsheet import as_csv
from services.metrics.domain.report import JourneyReport, Period, Report, journey_report, overview
from services.metrics.domain.tally import hour_of
from shared.auth import Keys
from shared.clock import ProcessClock
from shared.contracts.codec import encode
from shared.errors import Problem
from shared.hints import did_you_mean

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _end_of_day(given: object) -> object:
    """A date alone as `to` means the whole of it; what is none is left to be refused."""
    if not isinstance(given, str) or not _DATE.fullmatch(given):
        return given
    try:
        return datetime.fromisoformat(given).replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return given


From = Annotated[
    datetime | None,
    Query(
        alias="from",
        description="RFC 3339, or a date: from its beginning (UTC). The hour it is in counts",
    ),
]
To = Annotated[
    datetime | None,
    BeforeValidator(_end_of_day),
    Query(
        description="RFC 3339, exclusive, or a date: to its end (UTC). The hour it is in counts",
    ),
]
CSV = "text/csv"


@dataclass(slots=True)
class Services:
    """What the routes stand on."""

    pool: asyncpg.Pool
    keys: Keys
    clock: ProcessClock
    journeys: Journeys
    currencies: list[str]

    async def reports(
        self, workspace: str, journey: str | None, period: Period
    ) -> list[JourneyReport]:
        """Those that are defined and those that have numbers, by id; Problem 404 for `journey`."""
        shapes = self.journeys.of(workspace)
        found = await sums.by_journey(self.pool, workspace, journey, period)
        names = sorted({*shapes, *found} if journey is None else {*shapes, *found} & {journey})
        if journey is not None and not names:
            hint = did_you_mean(journey, shapes)
            detail = f"No journey {journey!r} was ever published. {hint.capitalize()}".strip()
            raise Problem(404, "No such journey", detail)
        return [
            journey_report(
                name,
                shapes[name].steps if name in shapes else (),
                found.get(name, {}),
                self.currencies,
            )
            for name in names
        ]


def add_routes(app: FastAPI, services: Services) -> None:
    """All routes of this service besides the operational ones."""
    router = APIRouter(
        prefix="/v1/reports", tags=["reports"], dependencies=[Depends(_nothing_unknown)]
    )
    reader = Depends(services.keys.requires("read"))
    csv: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {}}}}

    @router.get("/journeys", response_model=answers.Journeys, responses=csv)
    async def journeys(
        workspace: Annotated[str, reader],
        journey: str | None = None,
        since: From = None,
        to: To = None,
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        """Funnel, mails and money of each journey; as CSV with `Accept: text/csv`."""
        period = _period(since, to)
        found = await services.reports(workspace, journey, period)
        if CSV in accept:
            return Response(as_csv(found), media_type=CSV)
        return _json(Report(workspace, services.clock.now(), period, found))

    @router.get("/journeys/{journey}", response_model=answers.Journey, responses=csv)
    async def one(
        journey: str,
        workspace: Annotated[str, reader],
        since: From = None,
        to: To = None,
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        """One journey alone."""
        found = await services.reports(workspace, journey, _period(since, to))
        return Response(as_csv(found), media_type=CSV) if CSV in accept else _json(found[0])

    @router.get("/overview", response_model=answers.Overview)
    async def whole(
        workspace: Annotated[str, reader], since: From = None, to: To = None
    ) -> Response:
        """A workspace in one look, as JSON. Opens and clicks are people's; `orders` and revenue
        are of the orders that a mail won, not of all.
        """
        period = _period(since, to)
        found = await sums.over_all(services.pool, workspace, period)
        now = services.clock.now()
        return _json(overview(workspace, now, period, found, services.currencies))

    app.include_router(router)


async def _nothing_unknown(request: Request) -> None:
    """A misspelt filter would answer with everything."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    for name in request.query_params:
        if name not in known:
            hint = did_you_mean(name, known, "known: " + ", ".join(sorted(known)))
            raise Problem(422, "Unknown parameter", f"{name}: unknown; {hint}", field=name)


def _period(since: datetime | None, to: datetime | None) -> Period:
    """Whole hours, from the one that `since` is in to the one that `to` is in."""
    since, to = _in_utc("from", since), _in_utc("to", to)
    try:
        start = hour_of(since) if since else None
        end = _next_hour(to) if to else None
    except OverflowError as error:
        raise Problem(422, "Out of range", "from, to: no such hour; years go to 9999") from error
    if start and end and start >= end:
        raise Problem(422, "Empty period", "from: must be before `to`", field="from")
    return Period(start, end)


def _in_utc(name: str, at: datetime | None) -> datetime | None:
    """A date alone is its midnight in UTC; a time must say its zone."""
    if at is None or at.tzinfo is not None:
        return at
    if at.time() != time():
        raise Problem(422, "Time without a zone", f"{name}: write 2026-06-01T12:00:00Z", field=name)
    return at.replace(tzinfo=UTC)


def _next_hour(at: datetime) -> datetime:
    whole = hour_of(at)
    return whole if whole == at.astimezone(UTC) else whole + timedelta(hours=1)


def _json(body: object) -> Response:
    return Response(encode(body), media_type="application/json")
