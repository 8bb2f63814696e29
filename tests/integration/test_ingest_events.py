"""What a shop posts is in Kafka when it is answered, in order; what is not is named."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from segment.analytics.client import Client

from tests.integration.ingest_place import Place, place


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with place(database, kafka, topic_prefix) as running:
        await running.ready()
        yield running


def view(user: str, number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Viewed",
        "userId": user,
        "messageId": f"{user}-{number}",
        "properties": {"n": number},
    } | more


async def kept_of(ingest: Place, user: str) -> list[Any]:
    """(message id, decoded event, origin) of a user, in the topic's order."""
    return [
        (stored.message_id, event, stored.origin)
        for stored in await ingest.kept()
        if (event := msgspec.json.decode(stored.event)).get("userId") == user
    ]


@pytest.mark.parametrize("route", ["track", "identify", "page", "screen", "group"])
async def test_what_is_answered_with_200_is_in_the_topic(ingest: Place, route: str) -> None:
    call = {"event": "Signed Up", "userId": f"one-{route}", "messageId": "m"}

    status, answer = await ingest.post(f"/v1/{route}", call)

    assert (status, answer) == (200, {"success": True})
    [(message_id, event, origin)] = await kept_of(ingest, f"one-{route}")
    assert (message_id, event["type"], origin) == ("m", route, "live")


async def test_a_batch_keeps_the_good_and_names_the_bad(ingest: Place) -> None:
    status, answer = await ingest.post(
        "/v1/batch", {"batch": [view("mixed", 1), view("mixed", 2, event=""), view("mixed", 3)]}
    )

    assert status == 400
    assert answer["accepted"] == 2
    assert answer["errors"] == [
        {
            "index": 1,
            "messageId": "mixed-2",
            "field": "event",
            "message": "is missing; give the event's name, such as Product Added",
        }
    ]
    assert [m for m, *_ in await kept_of(ingest, "mixed")] == ["mixed-1", "mixed-3"]


async def test_a_bad_address_costs_no_event_and_is_said(ingest: Place) -> None:
    bad = view("named", 1, traits={"email": "Carl <carl@example.com>"})
    warning = {
        "index": 1,
        "messageId": "named-1",
        "field": "traits.email",
        "message": "is no address; write it as name@example.com; "
        "it was kept as a trait, nobody is mailed by it",
    }

    good = await ingest.post("/v1/batch", {"batch": [view("named", 0), bad]})
    mixed = await ingest.post("/v1/batch", {"batch": [view("named", 2, event=""), bad]})
    alone = await ingest.post("/v1/identify", {"userId": "named", "traits": {"email": 7}})

    assert good == (200, {"success": True, "accepted": 2, "warnings": [warning]})
    assert (mixed[0], mixed[1]["accepted"], mixed[1]["warnings"]) == (400, 1, [warning])
    assert [error["index"] for error in mixed[1]["errors"]] == [0]
    assert (alone[0], alone[1]["success"]) == (200, True)
    assert [(w["index"], w["field"]) for w in alone[1]["warnings"]] == [(0, "traits.email")]
    assert len(await kept_of(ingest, "named")) == 4


async def test_a_gzip_body_and_a_key_in_the_body_are_read(ingest: Place) -> None:
    body = json.dumps({"batch": [view("gzip")], "writeKey": ingest.key}).encode()
    headers = {"content-encoding": "gzip"}

    status, answer = await ingest.post("/v1/batch", gzip.compress(body), headers=headers)

    assert (status, answer["accepted"]) == (200, 1)


async def test_the_events_of_one_person_stay_in_order(ingest: Place) -> None:
    async def person(user: str) -> None:
        for first in range(0, 60, 3):
            batch = [view(user, n) for n in range(first, first + 3)]
            assert (await ingest.post("/v1/batch", {"batch": batch}))[0] == 200

    users = [f"order-{n}" for n in range(8)]
    await asyncio.gather(*map(person, users))

    for user in users:
        numbers = [event["properties"]["n"] for _, event, _ in await kept_of(ingest, user)]
        assert numbers == list(range(60))


async def test_the_stock_segment_client_works_by_changing_the_host(ingest: Place) -> None:
    def run() -> None:
        errors: list[Any] = []
        client = Client(
            ingest.key, host=ingest.url, on_error=lambda e, _: errors.append(e), upload_interval=0.1
        )
        client.identify("stock", {"email": "ann@example.com"})
        for number in range(3):
            client.track("stock", "Product Viewed", {"n": number})
        client.page("stock", "Shop", "Home")
        client.alias("before", "stock")
        client.shutdown()
        assert errors == []

    await asyncio.to_thread(run)

    kinds = [event["type"] for _, event, _ in await kept_of(ingest, "stock")]
    assert kinds == ["identify", "track", "track", "track", "page", "alias"]


KEYS: list[tuple[dict[str, str], int]] = [
    ({}, 401),
    ({"authorization": "Bearer tuvi_wk_nothing"}, 401),
    ({"authorization": "Basic !"}, 401),
    ({"authorization": "Digest x"}, 401),
]


@pytest.mark.parametrize(("headers", "expected"), KEYS)
async def test_a_wrong_key_is_a_problem_and_keeps_nothing(
    ingest: Place, headers: dict[str, str], expected: int
) -> None:
    status, answer = await ingest.post("/v1/track", view("wrong-key"), headers=headers)

    assert (status, answer["status"]) == (expected, expected)
    assert answer["detail"]
    assert await kept_of(ingest, "wrong-key") == []


async def test_a_key_for_something_else_is_refused(ingest: Place) -> None:
    bearer = {"authorization": f"Bearer {ingest.admin}"}

    assert (await ingest.post("/v1/track", view("x"), headers=bearer))[0] == 403


async def test_an_import_needs_an_admin_key_and_is_marked(ingest: Place) -> None:
    batch = {"batch": [view("import")]}
    origin = {"x-tuvi-origin": "import"}
    admin = {"authorization": f"Bearer {ingest.admin}", **origin}
    writer = {"authorization": f"Bearer {ingest.key}", **origin}

    assert (await ingest.post("/v1/batch", batch, headers=writer))[0] == 403
    assert (await ingest.post("/v1/batch", batch, headers=origin))[0] == 401
    assert (await ingest.post("/v1/track", view("import"), headers=admin))[0] == 400
    assert (await ingest.post("/v1/batch", batch, headers=admin))[0] == 200
    assert [origin for *_, origin in await kept_of(ingest, "import")] == ["import"]


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"x" * 600_000, {}, 413),
        (gzip.compress(b" " * 5_000_000, mtime=0), {"content-encoding": "gzip"}, 413),
        (b"no gzip", {"content-encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0)[:-4], {"content-encoding": "gzip"}, 400),
        (b"{}", {"content-encoding": "br"}, 415),
        (b"{", {}, 400),
    ],
)
async def test_a_body_that_cannot_be_taken_is_a_problem(
    ingest: Place, body: bytes, headers: dict[str, str], expected: int
) -> None:
    status, answer = await ingest.post("/v1/batch", body, headers=ingest.basic | headers)

    assert (status, answer["status"]) == (expected, expected)


async def test_only_post_is_taken(ingest: Place) -> None:
    async with ingest.session.get(ingest.url + "/v1/track") as answer:
        assert answer.status == 405
        assert answer.headers["allow"] == "POST"


async def test_openapi_describes_the_hot_routes_and_metrics_count(ingest: Place) -> None:
    async with ingest.session.get(ingest.url + "/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    async with ingest.session.get(ingest.url + "/metrics") as answer:
        text = await answer.text()

    assert {"/v1/track", "/v1/batch", "/webhooks/ses", "/u/{token}"} <= set(paths)
    assert 'tuvi_ingest_events_total{outcome="accepted"}' in text
    assert 'http_request_duration_seconds_bucket{code="200",' in text


async def test_a_dead_kafka_is_503_within_the_deadline(
    database: str, kafka: str, topic_prefix: str
) -> None:
    dead = "127.0.0.1:1"
    async with place(database, dead, topic_prefix, migrated=kafka, ingest_deadline=0.5) as ingest:
        began = time.monotonic()
        async with ingest.session.post(
            ingest.url + "/v1/batch",
            json={"batch": [view("dead"), view("dead", 1, event="")]},
            headers=ingest.basic,
        ) as answer:
            problem = await answer.json(content_type=None)
            assert answer.status == 503
            assert answer.headers["retry-after"] == "2"
        assert time.monotonic() - began < 1.5
        assert problem["accepted"] == 0
        assert [error["index"] for error in problem["errors"]] == [0, 1]
        async with ingest.session.get(ingest.url + "/readyz") as answer:
            assert answer.status == 503
