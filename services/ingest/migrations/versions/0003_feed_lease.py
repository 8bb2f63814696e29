"""Which replica marks SES's feed."""

from shared.db.alembic_env import execute

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute(TABLE)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


TABLE = """
CREATE TABLE feed_lease (                  -- one row
    one    boolean     PRIMARY KEY DEFAULT true CHECK (one),
    holder text        NOT NULL DEFAULT '',
    fence  bigint      NOT NULL DEFAULT 0,  -- rises with each holder
    until  timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 20);
INSERT INTO feed_lease DEFAULT VALUES;
"""
