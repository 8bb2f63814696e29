"""Deliveries of shops that repeat nothing, while Kafka does not take them."""

from shared.db.alembic_env import execute

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute(TABLE)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


# All that the tables read: a source may be changed or removed until Kafka is back.
TABLE = """
CREATE TABLE held_webhooks (
    id          bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    shop        text        NOT NULL,
    source      text        NOT NULL,
    workspace   text        NOT NULL,
    settings    jsonb       NOT NULL,
    topic       text        NOT NULL,
    delivery    text        NOT NULL,           -- by which a repeat is known
    body        bytea       NOT NULL,           -- as it came; its signature was good
    received_at timestamptz NOT NULL,           -- business time
    since       timestamptz NOT NULL DEFAULT clock_timestamp(), -- wall time
    UNIQUE (source, delivery)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
"""
