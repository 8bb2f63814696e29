"""A WooCommerce shop that sends webhooks to a running ingest, as WC_Webhook::deliver sends them."""

import base64
import hmac
import json
from typing import Any

from tests.integration.ingest_place import Place
from tests.integration.shop_place import make
from tests.unit.ingest.shops.recorded import HOME

SECRET = "the webhook's secret"


async def open_shop(ingest: Place) -> None:
    """The source `woo`."""
    settings = {"url": "https://example.com", "currency": "USD", "consent_meta": "_newsletter"}
    await make(ingest, "woo", shop="woocommerce", secret=SECRET, settings=settings)


def documented(name: str, **changed: Any) -> dict[str, Any]:
    found = json.loads((HOME / f"woocommerce/{name}.json").read_bytes())["body"]
    return dict(found) | changed


async def deliver(
    ingest: Place, topic: str, payload: Any, *, secret: str = SECRET, shop: str = "example.com"
) -> int:
    """The delivery id is the same for all of one second, as WooCommerce makes it."""
    body = json.dumps(payload).encode()
    signed = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    resource, _, event = topic.partition(".")
    headers = {
        "User-Agent": "WooCommerce/9.9.0 Hookshot (WordPress/6.8)",
        "Content-Type": "application/json",
        "X-WC-Webhook-Source": f"https://{shop}/",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": signed,
        "X-WC-Webhook-ID": "142",
        "X-WC-Webhook-Delivery-ID": "3b2d1c0ffee",
    }
    status, _ = await ingest.post("/webhooks/woocommerce/woo", body, headers=headers)
    return status
