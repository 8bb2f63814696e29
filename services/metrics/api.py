"""/v1/reports: journeys, one journey, a workspace in one look."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Response

from services.metrics.adapters import answers, sums
from services.metrics.adapters.journeys import Journeys
from services.metrics.adapters.spreadsheet import as_csv
from services.metrics.domain.report import JourneyReport, Period, Report, journey_report, overview
from services.metrics.domain.tally import hour_of
from shared.auth import Keys
from shared.clock import ProcessClock
from shared.contracts.codec import encode
from shared.errors import Problem

From = Annotated[
    datetime | None,
    Query(alias="from", description="a date (UTC) or RFC 3339; the hour that it is in counts"),
]
To = Annotated[
    datetime | None,
    Query(description="a date (UTC) or RFC 3339, exclusive; the hour that it is in counts"),
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
        """Those that are defined and those that have numbers, by id."""
        shapes = self.journeys.of(workspace)
        found = await sums.by_journey(self.pool, workspace, journey, period)
        names = sorted({*shapes, *found} if journey is None else {*shapes, *found} & {journey})
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
    router = APIRouter(prefix="/v1/reports", tags=["reports"])
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
        if not found:
            raise Problem(404, "No such journey", f"No journey {journey!r} was ever published.")
        return Response(as_csv(found), media_type=CSV) if CSV in accept else _json(found[0])

    @router.get("/overview", response_model=answers.Overview)
    async def whole(
        workspace: Annotated[str, reader], since: From = None, to: To = None
    ) -> Response:
        """A workspace in one look. Opens and clicks are people's."""
        period = _period(since, to)
        found = await sums.over_all(services.pool, workspace, period)
        now = services.clock.now()
        return _json(overview(workspace, now, period, found, services.currencies))

    app.include_router(router)


def _period(since: datetime | None, to: datetime | None) -> Period:
    """Whole hours, from the one that `since` is in to the one that `to` is in."""
    since, to = _in_utc("from", since), _in_utc("to", to)
    start = hour_of(since) if since else None
    end = _next_hour(to) if to else None
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
