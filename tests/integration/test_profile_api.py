"""What segmenter answers over HTTP when events have come in."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

import starter
from tests.integration.segmenter_place import Shop, serving

STARTER = Path(next(iter(starter.__path__))) / "segments"
CONSENT = {"newsletter": {"state": "subscribed"}}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Shop]:
    async with serving(kafka, database, topic_prefix) as here:
        for file in sorted(STARTER.glob("*.yaml")):
            assert (await here.asks(f"/v1/segments/{file.stem}", "PUT", file.read_text()))[0] == 200
        yield here


async def test_who_was_told_of_is_found_by_user_id_and_by_address(shop: Shop) -> None:
    traits = {"email": "Anna@Example.com", "country": "SE", "consent": CONSENT}
    await shop.tells("identify", "anna", traits=traits)
    contact = await shop.contact(user_id="anna")
    assert await shop.contact(email="anna@example.com") == contact
    _, found = await shop.asks(f"/v1/contacts/{contact}")
    assert found["email"] == "Anna@example.com"
    assert found["traits"]["country"] == "SE"
    assert found["consent"]["newsletter"]["state"] == "subscribed"
    assert {"kind": "user", "value": "anna"} in found["identities"]


async def test_the_timeline_has_what_happened_newest_first_page_by_page(shop: Shop) -> None:
    told = [
        await shop.tells("track", "bert", event="Product Viewed", properties={"product_id": str(i)})
        for i in range(5)
    ]
    contact = await shop.contact(user_id="bert")
    await shop.timeline(contact, 5)
    seen: list[str] = []
    after = ""
    while True:
        path = f"/v1/contacts/{contact}/timeline"
        _, page = await shop.asks(path, limit="2", after=after)
        seen += [item["message_id"] for item in page["items"]]
        after = page["next"] or ""
        if not after:
            break
    assert seen == told[::-1]


async def test_the_starter_segments_fill_and_list_their_members(shop: Shop) -> None:
    await shop.tells("identify", "cleo", traits={"consent": CONSENT})
    old = (datetime.now(UTC) - timedelta(days=100)).isoformat()
    order = {"order_id": "c1", "revenue": 80, "total": 95, "currency": "EUR"}
    await shop.tells("track", "cleo", event="Order Completed", properties=order, timestamp=old)
    contact = await shop.contact(user_id="cleo")
    lines = await shop.timeline(contact, 4)
    assert {line["name"] for line in lines if line["kind"] == "segment"} == {
        "at-risk",
        "subscribers",
    }
    _, members = await shop.asks("/v1/segments/at-risk/members")
    assert contact in {item["contact"] for item in members["items"]}
    _, segments = await shop.asks("/v1/segments")
    counts = {item["id"]: item["members"] for item in segments["items"]}
    assert set(counts) >= {"at-risk", "engaged", "loyal", "subscribers"}
    assert counts["at-risk"] >= 1


async def test_the_same_segment_again_makes_no_new_version(shop: Shop) -> None:
    text = "segment: again\nwho: {trait: country, in: [SE, DK]}\n"
    for _ in range(2):
        status, answer = await shop.asks("/v1/segments/again", "PUT", text)
        assert (status, answer["version"], answer["status"]) == (200, 1, "running")
    _, answer = await shop.asks("/v1/segments/again", "PUT", text.replace("SE", "NO"))
    assert answer["version"] == 2


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("segment: bad\nwho:\n  all:\n    - {trit: country, is: SE}\n", 4, "did you mean 'trait'"),
        ("segment: bad\nwhom: {}\n", 2, "unknown key 'whom'"),
        ("segment: bad\nwho: {segment: at-rsk}\n", 2, "did you mean 'at-risk'"),
        ("segment: bad\nwho: {segment: bad}\n", 2, "asks about itself"),
        ("segment: other\nwho: {trait: a, is: 1}\n", 1, "it is called 'bad'"),
        ("segment: [\n", 2, "expected"),
        ("- a\n", 1, "not a segment"),
        ("", 1, "empty"),
    ],
)
async def test_a_wrong_segment_is_answered_with_its_line_and_a_hint(
    shop: Shop, text: str, line: int, words: str
) -> None:
    status, problem = await shop.asks("/v1/segments/bad", "PUT", text)
    assert status == 422
    assert problem["errors"][0]["line"] == line
    assert words in problem["detail"]
    assert (await shop.asks("/v1/segments/bad"))[0] == 404


async def test_a_key_sees_its_workspace_and_does_what_it_may(shop: Shop) -> None:
    await shop.tells("identify", "dora", traits={"country": "SE"})
    contact = await shop.contact(user_id="dora")
    assert (await shop.asks(f"/v1/contacts/{contact}", key="other"))[0] == 404
    assert (await shop.asks(f"/v1/contacts/{contact}/timeline", key="other"))[0] == 404
    assert (await shop.asks("/v1/contacts", key="other", user_id="dora"))[1]["items"] == []
    assert (await shop.asks("/v1/segments", key="other"))[1]["items"] == []
    assert (await shop.asks("/v1/segments/at-risk/members", key="other"))[0] == 404
    assert (await shop.asks("/v1/segments/x", "PUT", "segment: x", key="read"))[0] == 403
    assert (await shop.asks(f"/v1/contacts/{contact}", key="read"))[0] == 200


@pytest.mark.parametrize("query", [{}, {"user_id": "a", "email": "b@c.d"}])
async def test_a_search_for_nobody_or_for_two_is_refused(shop: Shop, query: dict[str, str]) -> None:
    status, problem = await shop.asks("/v1/contacts", **query)
    assert (status, problem["title"]) == (422, "Whom?")


async def test_a_page_that_is_none_is_refused(shop: Shop) -> None:
    await shop.tells("identify", "emil", traits={})
    contact = await shop.contact(user_id="emil")
    assert (await shop.asks(f"/v1/contacts/{contact}/timeline", after="yesterday"))[0] == 422
