"""The catalogue: what shops say of products, and what is announced of them.

`at` is when the shop says it was so (`updated_at`; a time later than `received_at` is taken as
that), and of two at one instant the one received later counts. `message_id` names one statement.
Nothing depends on the order in which statements come.
"""

from datetime import datetime
from typing import Any

from shared.contracts.codec import Message


class ProductChanged(Message, frozen=True, kw_only=True, omit_defaults=True):
    """store-events and identified-events, key `product_key(...)`: what a shop says of a product.

    `facts`: those that are stated, the others stay as they were; null takes one away: `name`,
    `url`, `image_url`, `price`, `currency`, `category`, `brand`, `sku`, `tags`, `variants` (`{id:
    {sku, price, name, stock, inventory_item}}`, joined by id), `variant_ids` (all ids that there
    are: other variants are gone) and `stock` (pieces, of all variants). A variant's `stock` is
    given where its pieces are counted; null: they are not, or it is sold beyond them, whatever
    levels say. Where all variants have one, their sum is the product's.
    `deleted` (facts do not matter): everything said before is gone; a later statement begins anew.
    A level of stock that does not name the product is a `StockChanged`.
    """

    product: str
    message_id: str
    at: datetime
    received_at: datetime
    facts: dict[str, Any] = {}
    deleted: bool = False
    via: str = ""


class StockChanged(Message, frozen=True, kw_only=True, omit_defaults=True):
    """store-events and identified-events, key `item_key(...)`: pieces of an item at a location.

    For shops that count stock by inventory items and do not name the product (Shopify's
    `inventory_levels/update`: `inventory_item_id`, `location_id`, `available`). Its product is the
    one with a variant that has this `inventory_item`, whichever of the two is stated first.
    `stock` null: not counted there (any more). `product` is set by profile alone, which passes it
    on to the product's owner (key `product_key(...)`).
    """

    item: str
    message_id: str
    at: datetime
    received_at: datetime
    location: str = ""
    stock: int | None = None
    product: str = ""
    via: str = ""


class ItemLinked(Message, frozen=True, kw_only=True):
    """identified-events, key `item_key(...)`, from the product's owner: whose item it is."""

    item: str
    product: str
    message_id: str
    at: datetime


class CatalogueChanged(Message, frozen=True, kw_only=True, omit_defaults=True):
    """catalogue-changes (compacted), key `product_key(...)`: a product, whole; higher version wins.

    `facts` as in ProductChanged, without `variant_ids`; `stock` is what there is of all variants.
    `deleted`: the shop has it no more, and nothing of it is known.
    """

    product: str
    version: int
    facts: dict[str, Any] = {}
    deleted: bool = False
