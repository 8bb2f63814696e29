"""Shops whose webhooks are taken."""

from shared.db.alembic_env import execute

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    execute(TABLE)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


# The name stands in the webhook's URL, which names no workspace.
TABLE = """
CREATE TABLE sources (
    name             text        PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    workspace        text        NOT NULL,
    shop             text        NOT NULL CHECK (shop IN ('shopify', 'woocommerce', 'bigcommerce')),
    settings         jsonb       NOT NULL,
    sealed           bytea       NOT NULL,          -- {secret, previous, access_token}, encrypted
    rotated_at       timestamptz,                   -- wall time; `previous` is good for a day
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_delivery_at timestamptz                    -- business time
);
CREATE INDEX ON sources (workspace);
"""
