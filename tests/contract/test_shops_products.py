"""What ingest makes of the vendors' own products is what segmenter's catalogue can keep."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.ingest.domain.shops.outcome import told
from services.segmenter.domain.catalogue import decode, shown, transition
from services.segmenter.domain.inventory import links, located
from shared.contracts import CODECS, ProductChanged, StockChanged, encode, topics
from tests.unit.ingest.shops.recorded import MODULES, recorded

STORE_EVENTS = CODECS[topics.STORE_EVENTS.name]


def stated(shop: str) -> list[ProductChanged | StockChanged]:
    """All products and levels of the shop's fixtures, as they come from Kafka."""
    found = [told(one.delivery, "default", b"{}") for one in recorded(shop)]
    return [STORE_EVENTS.decode(encode(m)) for each in found for m in (*each.products, *each.stock)]


def facts_of(message: ProductChanged) -> dict[str, Any]:
    product, changed = transition(None, message)
    assert changed
    assert decode(encode(product)) == product
    there, facts = shown(product) or (None, {})
    assert there is not message.deleted
    return facts


@pytest.mark.parametrize("shop", MODULES)
def test_each_fact_that_a_shop_states_is_in_the_catalogue(shop: str) -> None:
    products = [m for m in stated(shop) if isinstance(m, ProductChanged)]
    assert any(m.deleted for m in products)
    assert any(m.facts.get("variants") for m in products)
    for message in products:
        facts, said = facts_of(message), message.facts
        plain = said.keys() - {"variants", "variant_ids", "stock"}
        assert {n: facts.get(n) for n in plain} == {n: said[n] for n in plain}
        ids = said.get("variant_ids")
        listed = {v for v in said.get("variants") or {} if ids is None or v in ids}
        assert facts.get("variants", {}).keys() == listed


def test_shopifys_level_of_stock_finds_the_variant_that_has_its_item() -> None:
    messages = stated("shopify")
    product, variant, item_id = next(
        (m, name, facts["inventory_item"])
        for m in messages
        if isinstance(m, ProductChanged)
        for name, facts in (m.facts.get("variants") or {}).items()
        if facts.get("stock") is not None and "inventory_item" in facts
    )
    level = next(m for m in messages if isinstance(m, StockChanged) and m.stock is not None)
    later = product.received_at + timedelta(seconds=1)
    level = replace(level, item=item_id, stock=7, at=later, received_at=later)
    known, _ = transition(None, product)
    [link] = [one for one in links(None, known) if one.item == item_id]
    item, _ = located(None, link)
    _, [passed_on] = located(item, level)
    after, changed = transition(known, passed_on)
    _, facts = shown(after) or (False, {})
    assert (changed, facts["variants"][variant]["stock"]) == (True, 7)
