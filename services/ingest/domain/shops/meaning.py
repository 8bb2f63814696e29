"""What a delivery of any shop becomes."""

from services.ingest.domain.shops.bigcommerce import TOPICS as BIGCOMMERCE
from services.ingest.domain.shops.shopify import TOPICS as SHOPIFY
from services.ingest.domain.shops.table import Delivery, Meaning, Shop, Topic
from services.ingest.domain.shops.woocommerce import TOPICS as WOOCOMMERCE

TABLES: dict[Shop, dict[str, Topic]] = {
    "shopify": SHOPIFY,
    "woocommerce": WOOCOMMERCE,
    "bigcommerce": BIGCOMMERCE,
}


def meaning(delivery: Delivery) -> Meaning | None:
    """None: no table has this topic. Total."""
    topic = TABLES.get(delivery.shop, {}).get(delivery.topic)
    return topic(delivery) if topic else None
