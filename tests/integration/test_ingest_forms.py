"""A form, from the shop's file to the visitor's post, on a real Kafka and PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

import starter
from tests.integration.ingest_place import Place, place
from tests.unit.ingest.forms import GOOD, NEWSLETTER

JSON = {"accept": "application/json"}
PAGE = {"accept": "text/html"}
STARTER = Path(next(iter(starter.__path__))) / "forms" / "newsletter.yaml"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with place(database, kafka, topic_prefix, form_burst=8, form_every=60.0, proxies=1) as p:
        await p.ready()
        yield p


async def put(shop: Place, form: str, document: Any, key: str = "") -> tuple[int, Any]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = {"authorization": f"Bearer {key or shop.admin}"}
    url = f"{shop.url}/v1/forms/{form}"
    async with shop.session.put(url, data=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def published(shop: Place, **other: Any) -> str:
    """A form of this test alone, that visitors can see."""
    document = {**NEWSLETTER, **other}
    status, answer = await put(shop, document["form"], document)
    assert status == 201, answer
    async with asyncio.timeout(10):
        while (await got(shop, f"/f/{document['form']}"))[0] != 200:
            await asyncio.sleep(0.02)
    return str(document["form"])


async def got(shop: Place, path: str) -> tuple[int, str]:
    async with shop.session.get(shop.url + path, headers=PAGE) as answer:
        return answer.status, await answer.text()


async def posted(
    shop: Place, form: str, data: Any, headers: dict[str, str], client: str = "192.0.2.1"
) -> tuple[int, str, dict[str, str]]:
    headers = {**headers, "x-forwarded-for": client}
    url = f"{shop.url}/v1/forms/{form}"
    async with shop.session.post(url, data=data, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text(), dict(answer.headers)


async def calls(shop: Place, form: str) -> list[dict[str, Any]]:
    """What came of the form, in order."""
    kept = [event for event in await shop.kept() if event.via == f"form/{form}"]
    return [json.loads(bytes(event.event)) for event in kept]


async def test_the_starter_form_is_published_and_shown(shop: Place) -> None:
    status, answer = await put(shop, "newsletter", STARTER.read_bytes())
    assert (status, answer["version"], answer["changed"]) == (201, 1, True)
    assert answer["page"] == "/f/newsletter"
    again = await put(shop, "newsletter", STARTER.read_bytes())
    assert (again[0], again[1]["changed"]) == (200, False)
    headers = {"authorization": f"Bearer {shop.admin}"}
    async with shop.session.get(shop.url + "/v1/forms", headers=headers) as listed:
        assert "newsletter" in [item["id"] for item in (await listed.json())["items"]]
    async with shop.session.get(shop.url + "/v1/forms/newsletter", headers=headers) as one:
        assert (await one.json())["body"]["consent"]["version"] == "v1"


async def test_a_wrong_file_is_refused_with_its_line(shop: Place) -> None:
    status, problem = await put(shop, "newsletter", b"form: newsletter\ntitel: x\n")
    assert status == 422
    assert problem["errors"][0]["line"] == 2
    assert "did you mean 'title'" in problem["errors"][0]["hint"]
    assert (await put(shop, "other", STARTER.read_bytes()))[0] == 422
    assert (await put(shop, "newsletter", STARTER.read_bytes(), shop.key))[0] == 403
    assert (await put(shop, "newsletter", STARTER.read_bytes(), "no"))[0] == 401


async def test_a_post_is_in_kafka_when_it_is_answered(shop: Place) -> None:
    form = await published(shop, form="plain")
    status, text, _ = await posted(shop, form, GOOD, JSON)
    assert (status, json.loads(text)["success"]) == (200, True)
    identify, track = await calls(shop, form)
    assert identify["traits"]["consent"]["newsletter"]["state"] == "pending"
    assert track["properties"]["consent_text"] == "Write to me."


async def test_a_visitor_without_script_sees_what_is_wrong_and_then_thanks(shop: Place) -> None:
    form = await published(shop, form="page", locale="en")
    wrong = {**GOOD, "email": "ann@", "first_name": '"><script>alert(1)</script>'}
    status, text, headers = await posted(shop, form, wrong, PAGE)
    assert status == 422
    assert 'aria-invalid="true"' in text
    assert "Write it as name@example.com." in text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "script-src" not in headers["Content-Security-Policy"]  # default-src is 'none'
    assert 'action="?workspace=default"' in text  # where it was posted, not where it was shown
    told = [refused for refused in await shop.kept("refused-events") if refused.via == "form/page"]
    assert [(one.field, one.route) for one in told] == [("email", "/v1/forms/page")]
    status, text, _ = await posted(shop, form, GOOD, PAGE)
    assert status == 200
    assert "press the button in the e-mail" in text


async def test_a_double_click_counts_once_and_other_words_count_again(shop: Place) -> None:
    form = await published(shop, form="clicks")
    for _ in range(2):
        assert (await posted(shop, form, {**GOOD, "submission": "s-1"}, JSON))[0] == 200
    other = {**GOOD, "submission": "s-1", "email": "eve@example.com"}
    assert (await posted(shop, form, other, JSON))[0] == 200
    ids = [call["messageId"] for call in await calls(shop, form)]
    assert len(ids) == 6
    assert len(set(ids)) == 4


async def test_machines_that_fill_in_everything_are_thanked_and_dropped(shop: Place) -> None:
    form = await published(shop, form="trap")
    status, text, _ = await posted(shop, form, {**GOOD, "company_website": "https://x"}, JSON)
    assert (status, json.loads(text)["success"]) == (200, True)
    assert await calls(shop, form) == []


async def test_one_address_cannot_post_without_end_and_others_can(shop: Place) -> None:
    form = await published(shop, form="often")
    for _ in range(8):
        assert (await posted(shop, form, {}, JSON, "192.0.2.9"))[0] == 422
    status, text, headers = await posted(shop, form, GOOD, JSON, "192.0.2.9")
    assert (status, json.loads(text)["title"]) == (429, "Too often")
    assert 0 < int(headers["Retry-After"]) <= 61
    assert (await posted(shop, form, GOOD, PAGE, "192.0.2.9"))[0] == 429
    assert (await posted(shop, form, GOOD, JSON, "192.0.2.10"))[0] == 200


async def test_a_visitor_is_sent_on_to_the_shop_and_nowhere_else(shop: Place) -> None:
    form = await published(shop, form="away", redirect="https://shop.example/thanks")
    status, _, headers = await posted(shop, form, GOOD, PAGE)
    assert (status, headers["Location"]) == (303, "https://shop.example/thanks")
    back = {**GOOD, "redirect": "https://shop.example/blog"}
    assert (await posted(shop, form, back, PAGE))[2]["Location"] == back["redirect"]
    status, text, _ = await posted(shop, form, {**GOOD, "redirect": "https://evil.example"}, JSON)
    assert (status, json.loads(text)["errors"][0]["field"]) == (422, "redirect")


async def test_scripts_of_the_shops_pages_may_read_the_answer(shop: Place) -> None:
    form = await published(shop, form="cors")
    for origin, allowed in (("https://shop.example", True), ("https://evil.example", False)):
        _, _, headers = await posted(shop, form, {}, {**JSON, "origin": origin})
        assert (headers.get("Access-Control-Allow-Origin") == origin) == allowed
        url = f"{shop.url}/v1/forms/{form}"
        async with shop.session.options(url, headers={"origin": origin}) as asked:
            assert asked.status == 204
            assert (asked.headers.get("Access-Control-Allow-Origin") == origin) == allowed


async def test_what_is_too_large_or_of_no_form_is_refused_as_it_was_asked(shop: Place) -> None:
    form = await published(shop, form="large")
    assert (await posted(shop, form, b"x" * 32_769, JSON))[0] == 413
    assert (await posted(shop, form, b"[", {**JSON, "content-type": "application/json"}))[0] == 400
    status, text, _ = await posted(shop, "nothing", GOOD, PAGE)
    assert (status, "There is no such form" in text) == (404, True)
    assert (await posted(shop, "nothing", GOOD, JSON))[0] == 404
    assert (await posted(shop, f"{form}?workspace=other", GOOD, JSON))[0] == 404


async def test_the_page_carries_where_the_visitor_came_from(shop: Place) -> None:
    form = await published(shop, form="carried")
    _, text = await got(shop, f"/f/{form}?utm_source=insta%22&other=1")
    assert 'name="utm_source" value="insta&quot;"' in text
    assert 'name="other"' not in text
    async with shop.session.head(f"{shop.url}/f/{form}") as answer:
        assert answer.status == 200
    _, snippet = await got(shop, f"/v1/forms/{form}/snippet")
    assert 'action="http://127.0.0.1:8001/v1/forms/carried?workspace=default"' in snippet
    assert (await got(shop, "/f/embed.js"))[0] == 200
