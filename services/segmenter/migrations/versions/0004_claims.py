"""Devices that only public calls brought to their contact."""

from shared.db.alembic_env import execute

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    execute("ALTER TABLE aliases ADD COLUMN claimed boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")
