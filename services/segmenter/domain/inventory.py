"""Inventory items: stock that names no product finds it. Pure and total.

An item and its product may belong to two owners, so each tells the other: the product's owner
whose item it is (`links`), the item's owner how many pieces there are (`located`).
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from shared.contracts import ItemLinked, StockChanged

from .catalogue import Product, Words, items, stamp_of
from .state import Given
from .traits import united


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An inventory item: whose it is (the word of the product's owner), its stock by location."""

    workspace: str
    item: str
    product: Given | None = None
    levels: Words = {}


_decoder = msgspec.json.Decoder(Item, float_hook=Decimal)


def decode(data: str | bytes) -> Item:
    """The item from its JSON."""
    return _decoder.decode(data)


def links(before: Product | None, after: Product) -> Iterator[ItemLinked]:
    """For the owners of the items that the product has now and had not before."""
    had = items(before)
    for item, word in items(after).items():
        if item not in had:
            yield ItemLinked(
                workspace=after.workspace,
                item=item,
                product=after.product,
                message_id=word.by,
                at=word.at,
            )


def located(item: Item | None, given: StockChanged | ItemLinked) -> tuple[Item, list[StockChanged]]:
    """The item after one more word, and what its product's owner is to be told."""
    item = item or Item(workspace=given.workspace, item=given.item)
    if isinstance(given, ItemLinked):
        if item.product is not None and (item.product.at, item.product.by) >= (
            given.at,
            given.message_id,
        ):
            return item, []
        item = replace(item, product=Given(given.product, given.at, given.message_id))
        return item, list(_levels(item, item.levels))
    said = {given.location: Given(given.stock, *stamp_of(given))}
    levels = united(item.levels, said)
    if levels is item.levels:
        return item, []
    item = replace(item, levels=levels)
    return item, list(_levels(item, said))


def _levels(item: Item, words: Words) -> Iterator[StockChanged]:
    if item.product is None:
        return
    for location, word in sorted(words.items()):
        yield StockChanged(
            workspace=item.workspace,
            item=item.item,
            message_id=word.by,
            at=word.at,
            received_at=word.at,
            location=location,
            stock=word.value,
            product=item.product.value,
        )
