"""The backbone: ownership, outbox and the service's own tables."""

from shared.db.alembic_env import execute
from shared.db.schema import LOOP

revision = "0001"
down_revision = None


def upgrade() -> None:
    execute(LOOP)
    execute(TABLES)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


TABLES = "SELECT 1"
