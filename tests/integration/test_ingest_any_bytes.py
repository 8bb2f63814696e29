"""Anything at every route that there is: never a 5xx, and what is kept is no dead letter later.

The routes are read from the service's own OpenAPI, so a new door is tried from its first day.
"""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.segmenter.identity_stage import understood
from shared.contracts import StoreEvent
from shared.tokens import ConfirmClaim, UnsubscribeClaim, make_token
from tests.integration.ingest_place import TOKEN_KEYS, Place, place
from tests.integration.shop_place import SECRET, make
from tests.unit.ingest.anything import ANY_JSON, BODIES
from tests.unit.ingest.shops.recorded import HOME

STARTER = Path(__file__).parents[2] / "starter/forms/newsletter.yaml"
SHOPS = ("shopify", "woocommerce", "bigcommerce")
FIXTURES = [json.loads(file.read_text()) for file in sorted(HOME.glob("*/*.json"))]
RECORDED = [found for found in FIXTURES if "topic" in found and isinstance(found.get("body"), dict)]
ENCODED = st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=5).map(
    lambda fields: urlencode(fields, errors="replace").encode()
)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A shop's webhook with one thing in it changed: (topic, body)."""
    found = draw(st.sampled_from(RECORDED))
    body = json.loads(json.dumps(found["body"]))
    place: Any = body
    while isinstance(place, dict) and place:
        key = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or draw(st.booleans()):
            place[key] = draw(ANY_JSON)
            break
        place = place[key]
    return found["topic"], json.dumps(body).encode()


@dataclass
class Doors:
    """A running ingest and its routes with a body: (method, path that there is)."""

    ingest: Place
    routes: list[tuple[str, str]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def doors(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[Doors]:
    async with place(database, kafka, topic_prefix) as ingest:
        await ingest.ready()
        for shop in SHOPS:
            more = {"access_token": "t", "settings": {"store_hash": "abc"}}
            await make(ingest, f"the-{shop}", shop=shop, secret=SECRET, **more)
        await _published(ingest)
        async with ingest.session.get(ingest.url + "/openapi.json") as answer:
            paths = (await answer.json())["paths"]
        yield Doors(ingest, sorted(_there(paths)))


async def _published(ingest: Place) -> None:
    url, headers = f"{ingest.url}/v1/forms/newsletter", {"authorization": f"Bearer {ingest.admin}"}
    async with ingest.session.put(url, data=STARTER.read_bytes(), headers=headers) as answer:
        assert answer.status < 300
    async with asyncio.timeout(20):
        while True:
            async with ingest.session.get(f"{ingest.url}/f/newsletter") as page:
                if page.status == 200:
                    return
            await asyncio.sleep(0.02)


def _there(paths: dict[str, Any]) -> set[tuple[str, str]]:
    """With names that exist in the places of the paths' parameters."""
    claim = UnsubscribeClaim(workspace="default", contact="c", message="m", topic="newsletter")
    asked = ConfirmClaim(
        workspace="default",
        contact="c",
        message="m",
        topics=("newsletter",),
        text="v1",
        form="newsletter",
        issued=int(time.time()),
    )
    names = {"{form}": "newsletter", "{token}": make_token(TOKEN_KEYS, claim)}
    found = set()
    for path, methods in paths.items():
        own = names | ({"{token}": make_token(TOKEN_KEYS, asked)} if "confirm" in path else {})
        own["{source}"] = f"the-{path.split('/')[2]}" if "webhooks" in path else "another"
        for name, value in own.items():
            path = path.replace(name, value)  # noqa: PLW2901
        found |= {(m.upper(), path) for m in methods if m in ("post", "put", "patch", "delete")}
    return found


ANYTHING = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@ANYTHING
@given(data=st.data())
async def test_any_body_at_any_route_is_answered_without_a_fault(
    doors: Doors, data: st.DataObject
) -> None:
    method, path = data.draw(st.sampled_from(doors.routes), label="route")
    body = data.draw(BODIES | st.binary(max_size=60) | ENCODED, label="body")
    key = doors.ingest.key if path.startswith("/v1/") and method == "POST" else doors.ingest.admin
    kinds = ["application/json", "application/x-www-form-urlencoded", "text/plain"]
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": data.draw(st.sampled_from(kinds), label="type"),
        **signed(body, data.draw(st.sampled_from(["orders/create", "order.updated", "?"]))),
    }
    assert await status(doors.ingest, method, path, body, headers) < 500


@ANYTHING
@given(sent=mutated(), shop=st.sampled_from(SHOPS))
async def test_a_changed_webhook_is_kept_one_way_or_another(
    doors: Doors, sent: tuple[str, bytes], shop: str
) -> None:
    topic, body = sent
    path = f"/webhooks/{shop}/the-{shop}"
    assert await status(doors.ingest, "POST", path, body, signed(body, topic)) in (200, 400)


async def test_nothing_that_was_kept_becomes_a_dead_letter(doors: Doors) -> None:
    kept = [m for m in await doors.ingest.kept() if isinstance(m, StoreEvent)]
    assert kept
    for stored in kept:
        assert understood(stored).given.identities


def signed(body: bytes, topic: str) -> dict[str, str]:
    """As each of the shops would."""
    line = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    return {
        "x-shopify-hmac-sha256": line,
        "x-shopify-topic": topic,
        "x-shopify-webhook-id": line[:20],
        "x-wc-webhook-signature": line,
        "x-wc-webhook-topic": topic,
        "x-tuvi-secret": SECRET,
    }


async def status(
    ingest: Place, method: str, path: str, body: bytes, headers: dict[str, str]
) -> int:
    url = ingest.url + path
    async with ingest.session.request(
        method, url, data=body, headers=headers, allow_redirects=False
    ) as answer:
        await answer.read()
        return answer.status
