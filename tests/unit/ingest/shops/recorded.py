"""Webhooks as the vendors document them, and what each becomes.

`fixtures/<shop>/<name>.json` has `page`, `version`, `read` (when), `topic` and `body`, and maybe
`changed` (what differs from the page) and `settings` of the source; beside it
`<name>.becomes.json` is what Tuvi makes of it. After a change of a table, write these anew and read
the difference:

    python -m tests.unit.ingest.shops.recorded
"""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast

from services.ingest.domain.shops import (
    bigcommerce,
    bigcommerce_goods,
    bigcommerce_people,
    shopify,
    shopify_goods,
    shopify_people,
    shopify_products,
    woocommerce,
)
from services.ingest.domain.shops.meaning import meaning
from services.ingest.domain.shops.table import Delivery, Shop
from services.ingest.domain.shops.values import Fields
from shared.contracts.codec import decode_plain, encode, plain

HOME = Path(__file__).parent / "fixtures"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = {"url": "https://shop.example.com", "user_id_prefix": "s-", "currency": "USD"}
MODULES: dict[str, list[ModuleType]] = {
    "shopify": [shopify, shopify_goods, shopify_people, shopify_products],
    "woocommerce": [woocommerce],
    "bigcommerce": [bigcommerce, bigcommerce_goods, bigcommerce_people],
}


class Recorded(NamedTuple):
    """One webhook. `path`: `shopify/orders-create.json`."""

    path: Path
    delivery: Delivery

    @property
    def becomes_path(self) -> Path:
        return self.path.with_suffix(".becomes.json")

    def becomes(self) -> Any:
        """What the tables make of it now, as plain JSON."""
        found = meaning(self.delivery)
        if found is None:
            return None
        return plain(
            {
                "calls": found.calls,
                "products": [p._asdict() for p in found.products],
                "stock": [s._asdict() for s in found.stock],
            }
        )

    def expected(self) -> Any:
        return _read(self.becomes_path)


@cache
def _read(path: Path) -> Any:
    return decode_plain(path.read_bytes())


def recorded(shop: str) -> list[Recorded]:
    """A shop's fixtures, by name."""
    paths = sorted((HOME / shop).glob("*.json"))
    return [Recorded(p, delivery(p)) for p in paths if not p.name.endswith(".becomes.json")]


def delivery(path: Path) -> Delivery:
    found = decode_plain(path.read_bytes())
    shop = cast("Shop", path.parent.name)
    settings = {**SETTINGS, **found.get("settings", {})}
    return Delivery(shop, "main", found["topic"], "d-1", found["body"], NOW, settings)


def rows(shop: str) -> list[tuple[str, Fields, str]]:
    """(name of the table, table, field) of each row of each table in a shop's files."""
    tables = {n: t for m in MODULES[shop] for n, t in vars(m).items() if isinstance(t, Fields)}
    return [(name, table, field) for name, table in tables.items() for field in table]


if __name__ == "__main__":
    for one in (r for shop in MODULES for r in recorded(shop)):
        written = json.dumps(json.loads(encode(one.becomes())), indent=1, ensure_ascii=False)
        one.becomes_path.write_text(written + "\n")
