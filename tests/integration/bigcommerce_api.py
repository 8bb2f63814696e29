"""BigCommerce's API as it answers on the wire, on a real port: the documented resources, its quota
headers, and faults that a test asks for.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.unit.ingest.shops.recorded import HOME

STORE, TOKEN = "abc123", "the-access-token"
Fault = Callable[[web.Request], Awaitable[web.Response]]


def documented(name: str) -> Any:
    """The body of a fixture: what is fetched, and the webhook's data."""
    return json.loads((HOME / "bigcommerce" / f"{name}.json").read_bytes())["body"]


def webhook(scope: str, data: Any, number: int = 0, store: str = STORE) -> dict[str, Any]:
    """https://developer.bigcommerce.com/docs/integrations/webhooks/events (read 2026-11-22)."""
    return {
        "scope": scope,
        "store_id": "1025646",
        "data": data,
        "hash": f"dd70c0976e06b67aaf671e73f49dcb79230e{number:04d}",
        "created_at": 1561479335,
        "producer": f"stores/{store}",
    }


@dataclass
class Api:
    """`found`: path without the query -> resource. `faults`: asked for in turn before that."""

    url: str = ""
    left: int = 145
    found: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def has(self, name: str) -> Any:
        """The resources of a fixture stand at the API's paths. Answers the webhook's data."""
        body = documented(name)
        data = body["data"]
        order = data.get("orderId", data.get("id"))
        refund = data.get("refund", {}).get("refund_id")
        paths = {
            "order": f"/v2/orders/{order}",
            "products": f"/v2/orders/{order}/products",
            "shipment": f"/v2/orders/{order}/shipments/{data.get('id')}",
            "refund": f"/v3/orders/payment_actions/refunds/{refund}",
            "cart": f"/v3/carts/{data.get('id')}",
            "customer": "/v3/customers",
            "subscriber": f"/v3/customers/subscribers/{data.get('id')}",
            "product": f"/v3/catalog/products/{body.get('product', {}).get('id')}",
            "store": "/v2/store",
        }
        for resource, path in paths.items():
            if resource in body:
                listed = [body[resource]] if resource == "customer" else body[resource]
                wrapped = {"data": listed, "meta": {}} if path.startswith("/v3/") else listed
                self.found[path] = wrapped
        return data

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix(f"/stores/{STORE}")
        self.asked.append(path)
        if request.headers.get("X-Auth-Token") != TOKEN:
            return web.json_response({"status": 401, "title": "Unauthorized"}, status=401)
        if self.faults.get(path):
            return await self.faults[path].pop(0)(request)
        if path not in self.found:
            missing = {"status": 404, "message": "The requested resource was not found."}
            return web.json_response([missing], status=404)
        return web.json_response(self.found[path], headers=self.quota())

    def quota(self, reset: int = 15000) -> dict[str, str]:
        return {
            "X-Rate-Limit-Time-Window-Ms": "30000",
            "X-Rate-Limit-Time-Reset-Ms": str(reset),
            "X-Rate-Limit-Requests-Quota": "150",
            "X-Rate-Limit-Requests-Left": str(self.left),
        }


def status(code: int, **headers: str) -> Fault:
    """An answer of this status."""

    async def answer(_: web.Request) -> web.Response:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response({"status": code}, status=code, headers=said)

    return answer


async def silence(_: web.Request) -> web.Response:
    """No answer at all."""
    await asyncio.sleep(60)
    raise web.HTTPGone


async def cut(request: web.Request) -> web.Response:
    """The connection ends instead of an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def text(body: str) -> Fault:
    """An answer that is no JSON."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body)

    return answer


@asynccontextmanager
async def bigcommerce() -> AsyncIterator[Api]:
    api = Api()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        api.url = f"http://{host}:{port}"
        yield api
    finally:
        await runner.cleanup()
