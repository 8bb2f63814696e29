"""Products and inventory items in PostgreSQL, read and written set by set."""

from collections.abc import Iterable
from datetime import datetime

import asyncpg

from services.segmenter.domain import catalogue, inventory
from services.segmenter.domain.catalogue import Product, exists
from services.segmenter.domain.inventory import Item
from shared.contracts.codec import encode
from shared.contracts.keys import item_key, product_key
from shared.kafka.partitioner import bucket_of

Key = tuple[str, str]
"""Workspace and product, or workspace and item."""


async def products(connection: asyncpg.Connection, keys: Iterable[Key]) -> dict[Key, Product]:
    """Those that are known, locked in the order of their keys."""
    rows = await connection.fetch(
        """SELECT p.workspace, p.product, p.state::text AS state
           FROM unnest($1::text[], $2::text[]) AS k(workspace, product)
           JOIN products p USING (workspace, product)
           ORDER BY p.workspace, p.product FOR UPDATE OF p""",
        *_columns(keys),
    )
    return {(r["workspace"], r["product"]): catalogue.decode(r["state"]) for r in rows}


async def items(connection: asyncpg.Connection, keys: Iterable[Key]) -> dict[Key, Item]:
    """Those that are known, locked in the order of their keys."""
    rows = await connection.fetch(
        """SELECT i.workspace, i.item, i.state::text AS state
           FROM unnest($1::text[], $2::text[]) AS k(workspace, item)
           JOIN inventory_items i USING (workspace, item)
           ORDER BY i.workspace, i.item FOR UPDATE OF i""",
        *_columns(keys),
    )
    return {(r["workspace"], r["item"]): inventory.decode(r["state"]) for r in rows}


async def save_products(
    connection: asyncpg.Connection, products: Iterable[Product], now: datetime
) -> None:
    """Write products, new and known ones."""
    rows = list(products)
    await connection.execute(
        """INSERT INTO products (workspace, product, bucket, version, deleted, state, updated_at)
           SELECT workspace, product, bucket, version, deleted, state::jsonb, $7
           FROM unnest($1::text[], $2::text[], $3::smallint[], $4::bigint[], $5::boolean[],
                       $6::text[]) AS r(workspace, product, bucket, version, deleted, state)
           ON CONFLICT (workspace, product) DO UPDATE
           SET version = excluded.version, deleted = excluded.deleted, state = excluded.state,
               updated_at = excluded.updated_at""",
        [p.workspace for p in rows],
        [p.product for p in rows],
        [bucket_of(product_key(p.workspace, p.product)) for p in rows],
        [p.version for p in rows],
        [not exists(p) for p in rows],
        [encode(p).decode() for p in rows],
        now,
    )


async def save_items(connection: asyncpg.Connection, items: Iterable[Item], now: datetime) -> None:
    """Write inventory items, new and known ones."""
    rows = list(items)
    await connection.execute(
        """INSERT INTO inventory_items (workspace, item, bucket, state, updated_at)
           SELECT workspace, item, bucket, state::jsonb, $5
           FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[])
                AS r(workspace, item, bucket, state)
           ON CONFLICT (workspace, item) DO UPDATE
           SET state = excluded.state, updated_at = excluded.updated_at""",
        [i.workspace for i in rows],
        [i.item for i in rows],
        [bucket_of(item_key(i.workspace, i.item)) for i in rows],
        [encode(i).decode() for i in rows],
        now,
    )


async def page(
    pool: asyncpg.Pool, workspace: str, after: str, limit: int
) -> list[tuple[Product, datetime]]:
    """Products that there are, in order of their ids, those after `after`; and when they moved."""
    rows = await pool.fetch(
        """SELECT state::text AS state, updated_at FROM products
           WHERE workspace = $1 AND product > $2 AND NOT deleted ORDER BY product LIMIT $3""",
        workspace,
        after,
        limit,
    )
    return [(catalogue.decode(r["state"]), r["updated_at"]) for r in rows]


async def one(pool: asyncpg.Pool, workspace: str, product: str) -> tuple[Product, datetime] | None:
    """A product, be it deleted; and when it moved."""
    row = await pool.fetchrow(
        """SELECT state::text AS state, updated_at FROM products
           WHERE workspace = $1 AND product = $2""",
        workspace,
        product,
    )
    return (catalogue.decode(row["state"]), row["updated_at"]) if row else None


def _columns(keys: Iterable[Key]) -> list[list[str]]:
    pairs = list(keys)
    return [[workspace for workspace, _ in pairs], [name for _, name in pairs]]
