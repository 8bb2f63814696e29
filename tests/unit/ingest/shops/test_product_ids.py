"""Two shops of one workspace may number their products alike: a prefix keeps them apart."""

from typing import Any

import pytest

from tests.unit.ingest.shops.recorded import MODULES, Recorded, recorded

ALL = [one for shop in MODULES for one in recorded(shop)]
PREFIX = {"product_id_prefix": "p-"}


@pytest.mark.parametrize("one", ALL, ids=lambda one: f"{one.path.parent.name}/{one.path.stem}")
def test_products_are_behind_the_prefix_in_events_and_in_the_catalogue(one: Recorded) -> None:
    settings = one.delivery.settings | PREFIX
    found = one._replace(delivery=one.delivery._replace(settings=settings))

    assert found.becomes() == prefixed(one.becomes())


def prefixed(said: Any) -> Any:
    """The same with each product's id behind the prefix; variants and inventory items stay."""
    if isinstance(said, list):
        return [prefixed(one) for one in said]
    if not isinstance(said, dict):
        return said
    return {
        name: f"p-{value}" if name in ("product_id", "product") else prefixed(value)
        for name, value in said.items()
    }
