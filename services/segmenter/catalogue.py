"""Products and inventory items on their way through a batch of stage profile."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from services.segmenter.adapters import catalogue_rows as rows
from services.segmenter.adapters.catalogue_rows import Key
from services.segmenter.domain.catalogue import Product, shown, transition
from services.segmenter.domain.inventory import Item, links, located
from shared.contracts import CatalogueChanged, ItemLinked, ProductChanged, StockChanged, topics
from shared.contracts.codec import encode
from shared.contracts.keys import item_key, product_key
from shared.kafka.records import Outgoing

KINDS = (ProductChanged, StockChanged, ItemLinked)
MAX_PRODUCT_BYTES = 500_000

Told = ProductChanged | StockChanged | ItemLinked


class TooMuch(ValueError):  # noqa: N818  named for the fact
    """This statement cannot be taken into the product; the text names the field and the fix."""


@dataclass(slots=True)
class Catalogue:
    """The batch's products and items as they become; those that moved are written."""

    products: dict[Key, Product] = field(default_factory=dict)
    items: dict[Key, Item] = field(default_factory=dict)
    moved_products: set[Key] = field(default_factory=set)
    moved_items: set[Key] = field(default_factory=set)

    async def read(self, connection: asyncpg.Connection, messages: Iterable[Told]) -> None:
        """The rows that these messages are about."""
        products, items = set[Key](), set[Key]()
        for message in messages:
            match message:
                case ItemLinked() | StockChanged(product=""):
                    items.add((message.workspace, message.item))
                case _:
                    products.add((message.workspace, message.product))
        if products:
            self.products = await rows.products(connection, products)
        if items:
            self.items = await rows.items(connection, items)

    def take(self, message: Told) -> list[Outgoing]:
        """One message; gives what others are told. Raises TooMuch."""
        match message:
            case ItemLinked() | StockChanged(product=""):
                return self._item(message)
            case _:
                return self._product(message)

    async def write(self, connection: asyncpg.Connection, now: datetime) -> None:
        """What moved."""
        if self.moved_products:
            products = [self.products[key] for key in sorted(self.moved_products)]
            await rows.save_products(connection, products, now)
        if self.moved_items:
            items = [self.items[key] for key in sorted(self.moved_items)]
            await rows.save_items(connection, items, now)

    def _product(self, message: ProductChanged | StockChanged) -> list[Outgoing]:
        key = message.workspace, message.product
        before = self.products.get(key)
        after, changed = transition(before, message)
        if after == before:
            return []
        self.products[key] = after
        self.moved_products.add(key)
        out = [
            Outgoing(topics.IDENTIFIED_EVENTS, item_key(link.workspace, link.item), link)
            for link in links(before, after)
        ]
        return [*out, announced(after)] if changed else out

    def _item(self, message: StockChanged | ItemLinked) -> list[Outgoing]:
        key = message.workspace, message.item
        before = self.items.get(key)
        after, told = located(before, message)
        if after != before:
            self.items[key] = after
            self.moved_items.add(key)
        return [
            Outgoing(topics.IDENTIFIED_EVENTS, product_key(level.workspace, level.product), level)
            for level in told
        ]


def announced(product: Product) -> Outgoing:
    """The product as others are told. Raises TooMuch."""
    there, facts = shown(product) or (False, {})
    size = len(encode(facts))
    if size > MAX_PRODUCT_BYTES:
        raise TooMuch(f"facts: {size} bytes, at most {MAX_PRODUCT_BYTES}; state fewer variants")
    change = CatalogueChanged(
        workspace=product.workspace,
        product=product.product,
        version=product.version,
        facts=facts,
        deleted=not there,
    )
    key = product_key(product.workspace, product.product)
    return Outgoing(topics.CATALOGUE_CHANGES, key, change)
