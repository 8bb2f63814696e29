"""What SES itself has told, and how far its feed was read: so that "not sent" can be concluded."""

from shared.db.alembic_env import execute

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    execute(TABLES)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


TABLES = """
ALTER TABLE messages ADD COLUMN told boolean NOT NULL DEFAULT false;  -- SES's own Send has come
CREATE INDEX messages_neighbours ON messages (workspace, started_at) WHERE status = 'sent';

CREATE TABLE feed_marks (                 -- the newest mark that stage feedback has passed
    partition integer     PRIMARY KEY,
    fence     bigint      NOT NULL,
    until     timestamptz NOT NULL        -- wall time
);
"""
