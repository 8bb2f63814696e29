"""What has to be fetched from shops whose webhooks are thin."""

from shared.db.alembic_env import execute

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    execute(TABLE)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


# Times besides received_at are wall time. Rows come and go: autovacuum looks early.
TABLE = """
CREATE TABLE fetches (
    id          bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    source      text        NOT NULL,
    scope       text        NOT NULL,
    hash        text        NOT NULL,
    body        bytea       NOT NULL,           -- the webhook as it came
    received_at timestamptz NOT NULL,           -- business time
    asked       integer     NOT NULL DEFAULT 1, -- rises with every repeat
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(), -- while it is being fetched: lease
    attempts    integer     NOT NULL DEFAULT 0,
    reason      text        NOT NULL DEFAULT '',                -- why the last one failed
    UNIQUE (source, scope, hash)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX fetches_due ON fetches (source, due_at);
"""
