"""docs/shops.md names every topic and every field that the tables have."""

from pathlib import Path

import pytest

from services.ingest.domain.shops.meaning import TABLES
from tests.unit.ingest.shops.recorded import MODULES, rows

PAGE = (Path(__file__).parents[2] / "docs" / "shops.md").read_text()
TITLES = {"shopify": "## Shopify", "woocommerce": "## WooCommerce", "bigcommerce": "## BigCommerce"}
ELSEWHERE = {"userId", "anonymousId", "email", "consent", "state", "source", "text", "street"}
ELSEWHERE |= {"postal_code", "box", "since"}  # ids and consent stand in the text, an address as one


def section(shop: str) -> str:
    return PAGE.split(TITLES[shop] + "\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("shop", list(MODULES))
def test_every_topic_of_a_shop_is_on_the_page(shop: str) -> None:
    page = section(shop)
    assert [topic for topic in TABLES[shop] if f"`{topic}`" not in page] == []  # type: ignore[index]


@pytest.mark.parametrize("shop", list(MODULES))
def test_every_field_of_a_shops_tables_is_on_the_page(shop: str) -> None:
    page = section(shop)
    fields = {field for _, _, field in rows(shop)} - ELSEWHERE
    assert sorted(field for field in fields if f"`{field}`" not in page) == []
