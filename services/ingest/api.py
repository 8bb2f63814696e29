"""Everything but the hot routes, put together. A file a door stands in `routes/`."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from services.ingest.adapters.bodies import GONE, Disconnected
from services.ingest.refusing import refusal
from shared.errors import Problem


def add_routes(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """All routes of this service besides the operational ones and the edge's."""
    for router in routers:
        app.include_router(router)

    @app.exception_handler(Problem)
    async def refuse(_: Request, problem: Problem) -> JSONResponse:
        return refusal(problem)

    @app.exception_handler(Disconnected)
    async def gone(_: Request, __: Disconnected) -> Response:
        return Response(status_code=GONE)
