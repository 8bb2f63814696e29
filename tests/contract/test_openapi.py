"""Ingest answers as its OpenAPI says, whatever is sent: schemathesis over every route."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.ingest_place import Place, place

PROGRAM = Path(sys.executable).with_name("schemathesis")
# What it takes for granted and we do differently: a batch with one good event is answered 400
# with the rest named; a key is asked for before a body is judged.
LEFT_OUT = "positive_data_acceptance,negative_data_rejection"
EVENTS = "^/v1/(track|identify|batch)$"
LIVE = "/v1/events"  # reads Kafka at each question
SAME = f"^/v1/([a-z]|page|screen|alias|group)$|^{LIVE}$|z$|metrics$"  # the same code, or asked else
COVERED = "examples,coverage"
SPOKEN_FOR = {"/healthz", "/readyz", "/metrics"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with place(database, kafka, topic_prefix) as running:
        await running.ready()
        yield running


async def described(ingest: Place) -> dict[str, Any]:
    async with ingest.session.get(ingest.url + "/openapi.json") as answer:
        found: dict[str, Any] = await answer.json()
        return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scope", "which", "phases"),
    [
        pytest.param("events", ("--include-path-regex", EVENTS), COVERED, id="events"),
        pytest.param("write", ("--include-path", LIVE), "fuzzing", id="live view"),
        pytest.param("write", ("--exclude-path-regex", f"{EVENTS}|{SAME}"), COVERED, id="the rest"),
    ],
)
async def test_every_route_answers_as_it_is_described(
    ingest: Place, scope: str, which: tuple[str, str], phases: str
) -> None:
    key = ingest.key if scope == "events" else ingest.admin
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *("run", ingest.url + "/openapi.json", "--header", f"Authorization: Bearer {key}"),
        *(
            *which,
            "--phases",
            phases,
            "--max-examples",
            "8",
            "--seed",
            "1",
        ),  # noise: test_ingest_any_bytes
        *("--exclude-checks", LEFT_OUT, "--continue-on-failure", "--warnings", "off"),
        *("--generation-deterministic", "--no-color"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tempfile.gettempdir(),  # it writes down what it found
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


async def test_every_route_says_what_it_takes_by_an_example(ingest: Place) -> None:
    paths = (await described(ingest))["paths"]
    missing = [
        f"{method} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if path not in SPOKEN_FOR
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if not (content.get("example") or content.get("examples"))
    ]
    assert missing == []


async def test_every_refusal_is_a_problem(ingest: Place) -> None:
    paths = (await described(ingest))["paths"]
    others = [
        f"{method} {path} {code}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        for code, response in operation["responses"].items()
        if path not in SPOKEN_FOR and code.startswith(("4", "5"))
        if not {"application/problem+json", "text/html"} & set(response.get("content", {}))
    ]
    assert others == []
