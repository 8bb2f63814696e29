"""One service process: its HTTP app, its stages and its background tasks, stopped together."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

import structlog
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.exceptions import HTTPException
from starlette.routing import Match

from shared.errors import Problem
from shared.impatient import Impatient
from shared.problems import NOT_VALID

log = structlog.get_logger()
DRAIN_SECONDS = 20
WENT_ROUND = "tuvi_consumer_last_progress_timestamp_seconds"
READ = "tuvi_consumer_last_read_timestamp_seconds"
STUCK_SECONDS = 300.0
SILENT_SECONDS = 15.0


@dataclass(slots=True)
class Health:
    """`ready` when all checks answer None; a check gives the reason why not.

    `alive` while the loop of every partition goes round; never a question of whether Kafka, the
    database or SES can be reached, for a restart would not bring them back. `notes` are said
    beside readiness and keep nobody from being ready.
    """

    checks: dict[str, Callable[[], str | None]] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    notes: dict[str, Callable[[], str | None]] = field(default_factory=dict)

    def stuck(self) -> list[str]:
        """Stages whose loop has not gone round for longer than Kafka would wait."""
        return sorted(self._older(WENT_ROUND, STUCK_SECONDS))

    def wrong(self) -> dict[str, str]:
        return _said(self.checks)

    def noted(self) -> dict[str, str]:
        silent = {
            stage: f"has read nothing for {age:.0f} s: is Kafka or the database away?"
            for stage, age in self._older(READ, SILENT_SECONDS).items()
        }
        return {**silent, **_said(self.notes)}

    def _older(self, gauge: str, seconds: float) -> dict[str, float]:
        """Stages with a partition whose time was longer ago than that, and how long."""
        now, ages = time.time(), dict.fromkeys(self.stages, 0.0)
        for family in REGISTRY.restricted_registry([gauge]).collect():
            for sample in family.samples:
                stage = sample.labels["stage"]
                if stage in ages:
                    ages[stage] = max(ages[stage], now - sample.value)
        return {stage: age for stage, age in ages.items() if age > seconds}


def _said(questions: dict[str, Callable[[], str | None]]) -> dict[str, str]:
    answers = {name: question() for name, question in questions.items()}
    return {name: answer for name, answer in answers.items() if answer is not None}


def make_app(title: str, health: Health) -> FastAPI:
    """The routes every service has, and RFC 9457 for every refusal."""
    # No /docs: its page would load scripts from elsewhere.
    app = FastAPI(
        title=f"Tuvi {title}", version="1", docs_url=None, redoc_url=None, responses=NOT_VALID
    )

    @app.get("/healthz", tags=["operations"])
    async def healthz() -> JSONResponse:
        stuck = health.stuck()
        return JSONResponse({"alive": not stuck, "stuck": stuck}, 503 if stuck else 200)

    @app.get("/readyz", tags=["operations"])
    async def readyz() -> JSONResponse:
        wrong = health.wrong()
        body = {"ready": not wrong, "wrong": wrong, "notes": health.noted()}
        return JSONResponse(body, 503 if wrong else 200)

    @app.get("/metrics", tags=["operations"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(Problem)
    async def refuse(_: Request, problem: Problem) -> JSONResponse:
        return problem_response(problem)

    @app.exception_handler(HTTPException)
    async def refuse_http(request: Request, error: HTTPException) -> JSONResponse:
        title = HTTPStatus(error.status_code).phrase
        detail = f"{request.method} {request.url.path}; the routes are at /openapi.json"
        answer = problem_response(Problem(error.status_code, title, detail))
        answer.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers["allow"] = ", ".join(_methods(app, request))
        return answer

    @app.exception_handler(RequestValidationError)
    async def refuse_fields(_: Request, error: RequestValidationError) -> JSONResponse:
        wrong = [
            {"field": ".".join(str(part) for part in one["loc"][1:]), "message": one["msg"]}
            for one in error.errors()
        ]
        detail = "; ".join(f"{one['field']}: {one['message']}" for one in wrong)
        return problem_response(Problem(422, "Not valid", detail, errors=wrong))

    return app


def _methods(app: FastAPI, request: Request) -> list[str]:
    """Of all routes with this path; Starlette names those of the first one only."""
    fitting = [
        route for route in app.router.routes if route.matches(request.scope)[0] != Match.NONE
    ]
    return sorted({m for route in fitting for m in getattr(route, "methods", None) or ()})


def problem_response(problem: Problem) -> JSONResponse:
    """RFC 9457."""
    body = {"type": "about:blank", "title": problem.title, "status": problem.status}
    if problem.detail:
        body["detail"] = problem.detail
    return JSONResponse(
        {**body, **problem.more}, problem.status, media_type="application/problem+json"
    )


def configured(
    app: Callable[..., Awaitable[None]],
    host: str,
    port: int,
    connection: Callable[..., asyncio.Protocol] = Impatient,
) -> uvicorn.Config:
    """How every service's HTTP server is set up. `connection`: what speaks HTTP on each."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        http=cast(type[asyncio.Protocol], connection),
        ws="none",
        lifespan="off",
        proxy_headers=False,  # a header that anybody can send is nobody's address
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


async def serve(
    app: Callable[..., Awaitable[None]],
    host: str,
    port: int,
    tasks: dict[str, Coroutine[Any, Any, None]],
    connection: Callable[..., asyncio.Protocol] = Impatient,
) -> None:
    """Run until SIGTERM or SIGINT, or until a task ends: then all stop, and its error is raised."""
    server = uvicorn.Server(configured(app, host, port, connection))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    running = [asyncio.create_task(task, name=name) for name, task in tasks.items()]
    web = asyncio.create_task(server._serve(), name="http")  # noqa: SLF001  without its signals
    stopping = asyncio.create_task(stop.wait(), name="signal")
    await asyncio.wait({stopping, web, *running}, return_when=asyncio.FIRST_COMPLETED)
    failed = [t for t in (web, *running) if t.done() and not t.cancelled() and t.exception()]
    server.should_exit = True
    await asyncio.gather(web, return_exceptions=True)
    for task in (stopping, *running):
        task.cancel()
    await asyncio.gather(stopping, *running, return_exceptions=True)
    for task in failed:
        log.error("stopped", task=task.get_name())
        error = task.exception()
        if error is not None:
            raise error
