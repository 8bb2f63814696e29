"""Forms are definitions of this service."""

from shared.db.alembic_env import execute
from shared.definitions import TABLE

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    execute(TABLE)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")
