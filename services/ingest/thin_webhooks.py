"""The door's part of thin webhooks: made durable, never fetched in the request."""

from datetime import datetime
from hashlib import sha256

from services.ingest import metrics
from services.ingest.adapters.fetches import Asked, Fetches
from services.ingest.domain.shops.bigcommerce_wants import Unfit, thin, wanted
from services.ingest.domain.shops.source import Source
from services.ingest.handlers import Door
from services.ingest.webhooks import take_webhook
from shared.contracts.codec import encode
from shared.contracts.wire import Plain


class ThinWebhooks:
    """`routes.shops.TakesThin`."""

    def __init__(self, door: Door, fetches: Fetches) -> None:
        self._door, self._fetches = door, fetches

    async def take(self, source: Source, body: Plain, received_at: datetime) -> None:
        """Returns when it is durable: in Kafka, if it speaks for itself or nothing can be fetched
        for it; else in PostgreSQL. Raises Problem 503.
        """
        said, raw = thin(body), encode(body)
        try:
            fetched = bool(wanted(said.scope, said.data))
        except Unfit:
            fetched = False
        if not fetched:
            await take_webhook(self._door, source, said.scope, said.hash, raw)
            return
        name = said.hash or sha256(raw).hexdigest()
        await self._fetches.keep(Asked(source.name, said.scope, name[:256], raw, received_at))
        metrics.WEBHOOKS.labels(source.shop, "to_fetch").inc()
