"""The catalogue: products, and the inventory items that shops count."""

from shared.db.alembic_env import execute

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute(TABLES)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


# A product and its inventory items may lie on different partitions: each row has its own owner.
TABLES = """
CREATE TABLE products (
    workspace  text        NOT NULL,
    product    text        NOT NULL,
    bucket     smallint    NOT NULL,
    version    bigint      NOT NULL,          -- of what is shown
    deleted    boolean     NOT NULL,          -- the shop does not have it (or not yet)
    state      jsonb       NOT NULL,          -- services.segmenter.domain.catalogue.Product
    updated_at timestamptz NOT NULL,          -- business time
    PRIMARY KEY (workspace, product)
);

CREATE TABLE inventory_items (
    workspace  text        NOT NULL,
    item       text        NOT NULL,
    bucket     smallint    NOT NULL,
    state      jsonb       NOT NULL,          -- services.segmenter.domain.inventory.Item
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace, item)
);
"""
