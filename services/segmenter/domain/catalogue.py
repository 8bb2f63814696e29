"""The catalogue's core: what is known of a product. Pure and total.

Each fact keeps when it was said and by which statement; the newer word counts, so statements may
come in any order and more than once. Deleting is a word on everything that was said before it.
What others are told (`shown`) is made from these words, never kept.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from shared.contracts import ProductChanged, StockChanged

from .state import Given
from .traits import united

FORGOTTEN = timedelta(days=30)
"""How long words on variants that are gone are kept: nothing older comes late (topics' age)."""

_VARIANTS, _IDS, _ITEM, _STOCK = "variants", "variant_ids", "inventory_item", "stock"

_TOO_MANY = 10**15

Stamp = tuple[datetime, str]
Words = dict[str, Given]


class Product(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that was said of one product since it was last deleted. JSON and back is loss-free.

    `variants` by variant and fact; `levels` by inventory item and location, which outlive a
    deletion: they are words on the item. `stated` is the newest statement after `deleted`, the
    newest deletion: without it there is no such product. `version` counts changes of what is shown.
    """

    workspace: str
    product: str
    version: int = 0
    facts: Words = {}
    variants: dict[str, Words] = {}
    levels: dict[str, Words] = {}
    stated: Stamp | None = None
    deleted: Stamp | None = None


_decoder = msgspec.json.Decoder(Product, float_hook=Decimal)


def decode(data: str | bytes) -> Product:
    """The product from its JSON."""
    return _decoder.decode(data)


def stamp_of(given: ProductChanged | StockChanged) -> Stamp:
    """When it was so; shops say it to the second, so then when it was received, and by which.

    A clock that runs ahead cannot make a word outlast later ones.
    """
    if isinstance(given, StockChanged) and given.product:  # stamped by its item's owner
        return given.at, given.message_id
    received = given.received_at.astimezone(UTC).isoformat(timespec="microseconds")
    return min(given.at, given.received_at), f"{received}/{given.message_id}"


def transition(
    product: Product | None, given: ProductChanged | StockChanged
) -> tuple[Product, bool]:
    """The product after one more statement, and whether what is shown of it changed."""
    before = product or Product(workspace=given.workspace, product=given.product)
    stamp = stamp_of(given)
    if isinstance(given, StockChanged):
        after = _counted(before, given, stamp)
    elif before.deleted is not None and stamp <= before.deleted:
        after = before
    elif given.deleted:
        after = _without(before, stamp)
    else:
        after = _forgotten(_with(before, given, stamp))
    if shown(after) == shown(before):
        return after, False
    return replace(after, version=before.version + 1), True


def exists(product: Product) -> bool:
    """It was stated after it was last deleted."""
    return product.stated is not None


def shown(product: Product) -> tuple[bool, dict[str, Any]] | None:
    """(is it there, its facts) as others are told; None while nobody spoke of the product itself.

    `stock` is the sum of the variants', where each of them has one; else as it was stated.
    """
    if product.stated is None:
        return None if product.deleted is None else (False, {})
    facts = _values(product.facts)
    facts.pop(_IDS, None)
    variants = {name: _variant(product, name) for name in _there(product)}
    if variants:
        facts[_VARIANTS] = variants
        counts = [_number(variant.get(_STOCK)) for variant in variants.values()]
        known = [count for count in counts if count is not None]
        if len(known) == len(counts):
            facts[_STOCK] = sum(known)
    return True, facts


def items(product: Product | None) -> dict[str, Given]:
    """The inventory items of the variants that there are: item -> the word that gave it."""
    if product is None or product.stated is None:
        return {}
    said = (product.variants[variant].get(_ITEM) for variant in _there(product))
    return {word.value: word for word in said if word and isinstance(word.value, str)}


def _with(product: Product, given: ProductChanged, stamp: Stamp) -> Product:
    facts = {name: v for name, v in given.facts.items() if name != _VARIANTS}
    variants = dict(product.variants)
    for variant, said in _variants_of(given).items():
        variants[variant] = united(variants.get(variant, {}), _words(said, stamp))
    return replace(
        product,
        facts=united(product.facts, _words(facts, stamp)),
        variants=variants,
        stated=stamp if product.stated is None else max(stamp, product.stated),
    )


def _without(product: Product, stamp: Stamp) -> Product:
    left = ((name, _since(words, stamp)) for name, words in product.variants.items())
    return replace(
        product,
        facts=_since(product.facts, stamp),
        variants={name: words for name, words in left if words},
        stated=product.stated if product.stated and product.stated > stamp else None,
        deleted=stamp,
    )


def _counted(product: Product, given: StockChanged, stamp: Stamp) -> Product:
    level = {given.location: Given(given.stock, *stamp)}
    levels = united(product.levels.get(given.item, {}), level)
    return replace(product, levels={**product.levels, given.item: levels})


def _forgotten(product: Product) -> Product:
    """Without the words on variants, and levels of items, that have long been gone."""
    listed = product.facts.get(_IDS)
    if listed is None or not isinstance(listed.value, list):
        return product
    edge, ids = listed.at - FORGOTTEN, set(map(str, listed.value))
    variants = {v: w for v, w in product.variants.items() if v in ids or _newest(w)[0] >= edge}
    if len(variants) == len(product.variants):
        return product
    named = {str(words[_ITEM].value) for words in variants.values() if _ITEM in words}
    levels = {i: w for i, w in product.levels.items() if i in named or _newest(w)[0] >= edge}
    return replace(product, variants=variants, levels=levels)


def _there(product: Product) -> list[str]:
    """The variants that there are: those listed, or stated after the list; in order."""
    listed = product.facts.get(_IDS)
    if listed is None or not isinstance(listed.value, list):
        return sorted(product.variants)
    ids, since = set(map(str, listed.value)), (listed.at, listed.by)
    return sorted(v for v, w in product.variants.items() if v in ids or _newest(w) > since)


def _variant(product: Product, variant: str) -> dict[str, Any]:
    """Its stock is the newest word: as stated, or the sum of its item's locations.

    Where it is stated that nobody counts, levels do not matter.
    """
    words = product.variants[variant]
    facts = _values(words)
    item, stated = facts.get(_ITEM), words.get(_STOCK)
    levels = product.levels.get(item, {}) if isinstance(item, str) else {}
    uncounted = stated is not None and stated.value is None
    if levels and not uncounted and (not stated or _newest(levels) > (stated.at, stated.by)):
        counted = [level.value for level in levels.values() if level.value is not None]
        facts.pop(_STOCK, None)
        if counted:
            facts[_STOCK] = sum(counted)
    return facts


def _variants_of(given: ProductChanged) -> dict[str, dict[str, Any]]:
    """What cannot be a variant is ignored; so is one of which nothing is said."""
    said = given.facts.get(_VARIANTS)
    if not isinstance(said, dict):
        return {}
    return {variant: facts for variant, facts in said.items() if facts and isinstance(facts, dict)}


def _words(facts: dict[str, Any], stamp: Stamp) -> Words:
    return {name: Given(value, *stamp) for name, value in facts.items()}


def _newest(words: Words) -> Stamp:
    """Of some words, never none."""
    return max((word.at, word.by) for word in words.values())


def _since(words: Words, stamp: Stamp) -> Words:
    return {name: word for name, word in words.items() if (word.at, word.by) > stamp}


def _values(words: Words) -> dict[str, Any]:
    return {name: word.value for name, word in words.items() if word.value is not None}


def _number(value: Any) -> int | Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return value if -_TOO_MANY < value < _TOO_MANY else None
