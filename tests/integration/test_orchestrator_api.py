"""/v1/journeys of the real process: publishing, refusals that point at a line, keys, pages."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.keys import create_key
from tests.integration.orchestrator_place import Place, running

HELLO = """journey: hello
description: A greeting
trigger: {event: Signed Up}
topic: cart-reminders
reentry: every_time
steps:
  - {id: hello, send: welcome}
  - {id: day, delay: 1d}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with running(kafka, database, topic_prefix) as place:
        yield place


def named(name: str) -> str:
    return HELLO.replace("journey: hello", f"journey: {name}")


async def test_publishing_makes_a_version_and_the_same_again_makes_none(place: Place) -> None:
    status, first = await place.call("POST", "/v1/journeys", named("twice"))
    assert (status, first["version"], first["status"]) == (201, 1, "running")
    status, again = await place.call("PUT", "/v1/journeys/twice", named("twice"))
    assert (status, again["version"], again["changed"]) == (200, 1, False)
    changed = named("twice").replace("1d", "2d")
    status, second = await place.call("PUT", "/v1/journeys/twice", changed)
    assert (status, second["version"], second["changed"]) == (201, 2, True)
    _, found = await place.call("GET", "/v1/journeys/twice")
    assert found["versions"] == [1, 2]
    assert found["body"]["steps"][1] == {"id": "day", "delay": "2d"}


async def test_a_dry_run_says_what_would_change_and_changes_nothing(place: Place) -> None:
    path = "/v1/journeys?dry_run=true"
    _, planned = await place.call("POST", path, named("planned"))
    assert (planned["version"], planned["changed"]) == (1, True)
    assert (await place.call("GET", "/v1/journeys/planned"))[0] == 404
    await place.call("POST", "/v1/journeys", named("planned"))
    _, planned = await place.call("POST", path, named("planned"))
    assert (planned["version"], planned["changed"]) == (1, False)


async def test_what_a_journey_rests_on_and_nobody_published_is_a_warning(place: Place) -> None:
    status, saved = await place.call("POST", "/v1/journeys", named("early"))
    assert status == 201
    (warning,) = saved["warnings"]
    assert warning.startswith("step hello: no template 'welcome' is published")


async def test_a_typo_is_answered_with_its_line_and_what_was_meant(place: Place) -> None:
    status, problem = await place.call("POST", "/v1/journeys", HELLO.replace("delay", "dellay"))
    assert status == 422
    (error,) = problem["errors"]
    assert error["line"] == 8
    assert "dellay" in error["message"]
    assert "delay" in error["hint"]
    assert problem["detail"].startswith("line 8: ")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("journey: x\nsteps: [1,\n", 3),
        ("journey: x\njourney: y\n", 2),
        ("[1, 2]", 1),
        ("", 1),
        ('{"journey": "x\\u0000"}', 1),
        (b"a: 1\nb: \xff", 2),
    ],
)
async def test_what_is_no_document_is_refused_with_its_line(
    place: Place, body: str | bytes, line: int
) -> None:
    status, problem = await place.call("POST", "/v1/journeys", body)
    assert (status, problem["errors"][0]["line"]) == (422, line), problem


async def test_a_document_without_end_is_refused(place: Place) -> None:
    assert (await place.call("POST", "/v1/journeys", "#" * 300_000))[0] == 413


async def test_the_address_and_the_document_name_the_same_journey(place: Place) -> None:
    status, problem = await place.call("PUT", "/v1/journeys/other", HELLO)
    assert status == 422
    assert "'other'" in problem["detail"]


async def test_json_is_taken_too(place: Place) -> None:
    body = """{"journey": "as-json", "trigger": {"event": "Signed Up"}, "topic": "t",
               \t"steps": [{"id": "a", "send": "welcome"}]}"""
    assert (await place.call("POST", "/v1/journeys", body))[0] == 201


async def test_publishing_does_not_overrule_a_pause(place: Place) -> None:
    await place.call("POST", "/v1/journeys", named("stopped"))
    _, paused = await place.call("POST", "/v1/journeys/stopped/pause")
    assert paused["status"] == "paused"
    _, published = await place.call("POST", "/v1/journeys", named("stopped").replace("1d", "3d"))
    assert (published["version"], published["status"]) == (2, "paused")
    _, resumed = await place.call("POST", "/v1/journeys/stopped/resume")
    assert (resumed["version"], resumed["status"]) == (2, "running")


async def test_journeys_come_in_pages(place: Place) -> None:
    for name in ("page-a", "page-b", "page-c"):
        await place.call("POST", "/v1/journeys", named(name))
    path = "/v1/journeys?limit=2&after=page"
    _, page = await place.call("GET", path)
    assert [item["id"] for item in page["items"]] == ["page-a", "page-b"]
    _, page = await place.call("GET", f"/v1/journeys?limit=2&after={page['next']}")
    assert page["items"][0]["id"] == "page-c"


async def test_runs_come_in_pages_the_newest_first(place: Place) -> None:
    await place.call("POST", "/v1/journeys", named("paged"))
    await place.db.execute(
        """INSERT INTO runs (workspace, contact, bucket, run, journey, version, status, entered_at)
           SELECT 'default', 'c' || i % 3, 0, 'r' || i, 'paged', 1, 'active',
                  timestamptz '2026-06-01 12:00+00' + i / 2 * interval '1 second'
           FROM generate_series(0, 9) AS i"""
    )
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        query = {"after": after, "limit": "3"}
        _, page = await place.call("GET", "/v1/journeys/paged/runs", query=query)
        found += [run["run"] for run in page["items"]]
        after = page["next"]
    assert found == [f"r{i}" for i in reversed(range(10))]
    _, page = await place.call("GET", "/v1/journeys/paged/runs?contact=c1")
    assert [run["run"] for run in page["items"]] == ["r7", "r4", "r1"]
    assert (await place.call("GET", "/v1/journeys/paged/runs?after=nonsense"))[0] == 400


async def test_keys_open_their_own_doors_only(place: Place) -> None:
    await place.call("POST", "/v1/journeys", named("private"))
    await place.db.execute(
        "INSERT INTO installation.workspaces (workspace, name) VALUES ('other', 'Other')"
    )
    reading = await create_key(place.db, "default", "read")
    other = await create_key(place.db, "other", "write")
    assert (await place.call("GET", "/v1/journeys", key="none"))[0] == 401
    async with place.http.get(f"{place.url}/readyz") as answer:
        assert answer.status == 200
    await _until_known(place, other)
    assert (await place.call("GET", "/v1/journeys/private", key=reading))[0] == 200
    assert (await place.call("POST", "/v1/journeys/private/pause", key=reading))[0] == 403
    for method, path in (
        ("GET", "/v1/journeys/private"),
        ("GET", "/v1/journeys/private/runs"),
        ("GET", "/v1/journeys/private/explain?contact=c"),
        ("POST", "/v1/journeys/private/pause"),
        ("POST", "/v1/journeys/private/resume"),
    ):
        assert (await place.call(method, path, key=other))[0] == 404, path
    assert (await place.call("GET", "/v1/journeys", key=other))[1]["items"] == []


async def _until_known(place: Place, key: str) -> None:
    """A new key is taken within seconds."""
    while (await place.call("GET", "/v1/journeys", key=key))[0] == 401:
        pass
