"""What is behind the reason for which a message was not sent."""

from shared.db.alembic_env import execute

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute(TABLES)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


TABLES = """
ALTER TABLE messages ADD COLUMN detail text NOT NULL DEFAULT '';
"""
