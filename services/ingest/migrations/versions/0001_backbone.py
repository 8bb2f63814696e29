"""The backbone: ingest keeps nothing yet."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: keys are the installation's."""


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")
