"""Shops that repeat nothing: what Kafka does not take of theirs is held, and handed over later.

WooCommerce sends a delivery once, and after more than five failures switches the webhook off.
"""

import asyncio
from dataclasses import replace

import structlog

from services.ingest import metrics
from services.ingest.adapters.held import HeldWebhook, HeldWebhooks
from services.ingest.domain.shops.source import Source
from services.ingest.handlers import Door
from services.ingest.webhooks import take_webhook
from shared.db.pool import AWAY
from shared.errors import Problem

log = structlog.get_logger()
LOOK = 5.0  # seconds


class Holder:
    """`run` beside the service, in every replica."""

    def __init__(self, door: Door, held: HeldWebhooks) -> None:
        self._door, self._held = door, held

    async def take(self, source: Source, topic: str, delivery: str, body: bytes) -> None:
        """A delivery that was let in. Returns when Kafka has it, or else PostgreSQL; raises Problem
        503 if neither does.
        """
        came = self._door.now()
        try:
            await take_webhook(self._door, source, topic, delivery, body)
        except Problem:
            await self._held.keep(HeldWebhook(source, topic, delivery, body, came))
            metrics.WEBHOOKS.labels(source.shop, "held").inc()
            log.warning("webhook held", via=source.via, topic=topic[:80], delivery=delivery)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.turn()
            except AWAY as error:
                log.warning("held webhooks cannot be read", error=type(error).__name__)
            await asyncio.sleep(LOOK)

    async def turn(self) -> None:
        """Hands over all that waits, while Kafka takes it."""
        await self._count()
        while self._held.waiting and await self._held.hand_over(self._give):
            await self._count()

    async def _give(self, webhook: HeldWebhook) -> bool:
        try:
            await self._tell(webhook)
        except Problem:  # Kafka is still away
            return False
        except Exception as error:  # noqa: BLE001  a fault of ours holds up no other delivery
            reason = f"fault: {type(error).__name__}"
            log.warning("held webhook is kept raw", via=webhook.source.via, reason=reason)
            try:
                await self._tell(webhook, raw=reason)
            except Problem:
                return False
        return True

    async def _tell(self, webhook: HeldWebhook, *, raw: str = "") -> None:
        """As it came. Raises Problem 503."""
        door = replace(self._door, now=lambda: webhook.received_at)
        await take_webhook(
            door, webhook.source, webhook.topic, webhook.delivery, webhook.body, raw=raw
        )

    async def _count(self) -> None:
        await self._held.count()
        metrics.WEBHOOKS_HELD.set(self._held.waiting)
        metrics.WEBHOOKS_HELD_OLDEST.set(self._held.oldest)
