"""The webhooks of shops: whose they are is known by the signature, before anything is read."""

from datetime import datetime
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, Request

from services.ingest import metrics
from services.ingest.adapters.bodies import whole_body
from services.ingest.domain.shops.source import Source, same_shop, signed, told_secret
from services.ingest.domain.shops.table import Shop
from services.ingest.domain.shops.woocommerce_values import delivery_id, is_ping
from services.ingest.handlers import Door
from services.ingest.webhooks import TEST, object_of, show_turned_away, take_webhook
from shared.contracts.wire import Plain
from shared.errors import Problem
from shared.problems import problems

log = structlog.get_logger()
MAX_BODY_BYTES = 4 * 1024 * 1024  # a product of Shopify's may have 2,048 variants
_REFUSALS = problems(
    _400="Broken gzip",
    _401="Not signed with the source's secret",
    _403="Of another shop than the source is for",
    _404="No such source",
    _408="The body did not come in time",
    _413="Larger than 4 MB",
    _415="Packed in another way than gzip",
    _503="Not kept: the shop sends it again; a repeat changes nothing",
)


class KnowsSources(Protocol):
    """adapters.sources.Sources."""

    def find(self, shop: Shop, name: str) -> Source | None:
        """Raises Problem 503 for one that cannot be opened."""
        ...

    def delivered(self, source: Source, at: datetime) -> None: ...


class TakesThin(Protocol):
    """Takes BigCommerce's thin payload, which says only what has changed."""

    async def take(self, source: Source, body: Plain, received_at: datetime) -> None:
        """Returns when it cannot be lost any more. Raises Problem."""
        ...


class TakesOnce(Protocol):
    """Takes what a shop sends once only."""

    async def take(self, source: Source, topic: str, delivery: str, body: bytes) -> None:
        """Returns when it cannot be lost any more. Raises Problem."""
        ...


def router(door: Door, sources: KnowsSources, thin: TakesThin, once: TakesOnce) -> APIRouter:
    routes = APIRouter(
        prefix="/webhooks",
        tags=["webhooks"],
        responses={**_REFUSALS, 200: _TAKEN},
    )

    @routes.post("/shopify/{source}", summary="Shopify", openapi_extra=_body("Shopify"))
    async def shopify(source: str, request: Request) -> dict[str, str]:
        """`X-Shopify-Hmac-SHA256` over the bytes. 200 when Kafka has it. Topics without a mapping
        are kept as raw events, test notifications too.
        """
        found, said = _found(sources, "shopify", source), request.headers
        body = await whole_body(request, MAX_BODY_BYTES)
        good = signed(body, said.get("x-shopify-hmac-sha256", ""), found.secrets)
        _let_in(door, found, good=good)
        _of_this_shop(door, found, said.get("x-shopify-shop-domain", ""))
        topic = said.get("x-shopify-topic", "")
        raw = TEST if said.get("x-shopify-test", "").lower() == "true" else ""
        delivery = said.get("x-shopify-webhook-id", "")
        await take_webhook(door, found, topic, delivery, body, raw=raw)
        sources.delivered(found, door.now())
        return {"taken": topic[:80]}

    @routes.post("/woocommerce/{source}", summary="WooCommerce", openapi_extra=_body("WooCommerce"))
    async def woocommerce(source: str, request: Request) -> dict[str, str]:
        """`X-WC-Webhook-Signature` over the bytes. 200 when Kafka has it, or PostgreSQL while Kafka
        is away: WooCommerce repeats nothing. The ping that is sent when a webhook is saved has
        neither a signature nor contents.
        """
        found, said = _found(sources, "woocommerce", source), request.headers
        body = await whole_body(request, MAX_BODY_BYTES)
        signature = said.get("x-wc-webhook-signature", "")
        if not signature and is_ping(said.get("content-type", ""), body):
            return {"taken": "ping"}
        _let_in(door, found, good=signed(body, signature, found.secrets))
        _of_this_shop(door, found, said.get("x-wc-webhook-source", ""))
        topic = said.get("x-wc-webhook-topic", "")
        await once.take(found, topic, delivery_id(topic, body), body)
        sources.delivered(found, door.now())
        return {"taken": topic[:80]}

    @routes.post("/bigcommerce/{source}", summary="BigCommerce", openapi_extra=_body("BigCommerce"))
    async def bigcommerce(source: str, request: Request) -> dict[str, str]:
        """The source's secret in `X-Tuvi-Secret`. 200 when it is kept; what it speaks of is then
        fetched beside the request.
        """
        found = _found(sources, "bigcommerce", source)
        good = told_secret(request.headers.get("x-tuvi-secret", ""), found.secrets)
        _let_in(door, found, good=good)
        body = await whole_body(request, MAX_BODY_BYTES)
        thin_body = object_of(body)
        if thin_body is None:
            await take_webhook(door, found, "", "", body)
        else:
            await thin.take(found, thin_body, door.now())
        sources.delivered(found, door.now())
        return {"taken": "bigcommerce"}

    return routes


def _found(sources: KnowsSources, shop: Shop, name: str) -> Source:
    """Raises Problem 404, 503: before the body is read, for anybody can send one."""
    try:
        found = sources.find(shop, name)
    except Problem:
        metrics.WEBHOOKS.labels(shop, "closed").inc()
        raise
    if found is None:
        metrics.WEBHOOKS.labels(shop, "unknown").inc()
        detail = f"{shop}/{name[:80]}: make it with `tuvi sources create`."
        raise Problem(404, "No such source", detail)
    return found


def _let_in(door: Door, found: Source, *, good: bool) -> None:
    if not good:
        metrics.WEBHOOKS.labels(found.shop, "unsigned").inc()
        log.warning("webhook not signed", via=found.via)
        detail = f"{found.via}: the signature is not by the source's secret."
        show_turned_away(door, found, "signature", "is not by the source's secret")
        raise Problem(401, "Not signed", detail)


def _of_this_shop(door: Door, source: Source, header: str) -> None:
    if not same_shop(source, header):
        metrics.WEBHOOKS.labels(source.shop, "other_shop").inc()
        log.warning("webhook of another shop", via=source.via)
        detail = f"{source.via} is for another shop than the one that sends."
        show_turned_away(door, source, "shop", "is another one than the source is for")
        raise Problem(403, "Another shop", detail)


def _body(shop: str) -> dict[str, Any]:
    content = {"schema": {"type": "object"}, "example": {"id": 820982911946154508}}
    text = f"What {shop} sends, byte for byte as it was signed"
    return {"requestBody": {"description": text, "content": {"application/json": content}}}


_TAKEN: dict[str, Any] = {
    "description": "Kafka has it",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"taken": {"type": "string"}}},
            "example": {"taken": "orders/create"},
        }
    },
}
