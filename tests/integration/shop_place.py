"""Shops that send webhooks to a running ingest, signed as Shopify signs."""

import base64
import hmac
import json
from typing import Any

import msgspec

from shared.contracts import StoreEvent
from tests.integration.ingest_place import Place
from tests.unit.ingest.shops.recorded import HOME

SECRET = "the client secret of the app"
OTHER = "the client secret of another"


async def api(ingest: Place, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {ingest.admin}"}
    url = f"{ingest.url}/v1/sources{path}"
    async with ingest.session.request(method, url, json=body, headers=headers) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None


async def make(ingest: Place, name: str, **body: Any) -> dict[str, Any]:
    status, answer = await api(ingest, "PUT", f"/{name}", body)
    assert status in (200, 201), answer
    return dict(answer)


def sample(name: str, **changed: Any) -> bytes:
    found = json.loads((HOME / f"shopify/{name}.json").read_text())
    return json.dumps(found["body"] | changed).encode()


def signature(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


async def deliver(
    ingest: Place, topic: str, body: bytes, *, to: str = "main", secret: str = SECRET, **more: str
) -> tuple[int, Any]:
    headers = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": signature(body, secret),
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "X-Shopify-Shop-Domain": "example.myshopify.com",
        "X-Shopify-API-Version": "2026-04",
    } | {name.replace("_", "-"): value for name, value in more.items()}
    status, answer = await ingest.post(f"/webhooks/shopify/{to}", body, headers=headers)
    return status, answer


async def events(ingest: Place, via: str) -> list[dict[str, Any]]:
    kept = [m for m in await ingest.kept() if isinstance(m, StoreEvent) and m.via == via]
    return [msgspec.json.decode(m.event) | {"messageId": m.message_id} for m in kept]
