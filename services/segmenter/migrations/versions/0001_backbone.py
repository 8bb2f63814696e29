"""The backbone: ownership, outbox; stage identity's aliases and clients' messageIds."""

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


TABLES = """
CREATE TABLE aliases (
    workspace text NOT NULL,
    id        text NOT NULL,                  -- of the contact that this identity makes alone
    kind      text NOT NULL CHECK (kind IN ('user', 'email', 'anonymous')),
    value     text NOT NULL,                  -- an e-mail address casefolded
    contact   text NOT NULL,                  -- = id: a contact; else whose it is now
    PRIMARY KEY (workspace, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX aliases_contact ON aliases (workspace, contact);

CREATE TABLE message_ring (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    newest integer NOT NULL                   -- days since 1970: the newest day seen
);
INSERT INTO message_ring (newest) VALUES (0);

-- One slot a UTC day of received_at, ten days round; a slot is emptied by TRUNCATE.
CREATE TABLE message_ids (
    slot smallint NOT NULL,
    id   bytea    NOT NULL,                   -- 16 bytes: hash of workspace and messageId
    PRIMARY KEY (slot, id)
) PARTITION BY LIST (slot);
DO $$ BEGIN
    FOR slot IN 0..9 LOOP
        -- nothing is ever updated or deleted here, and a vacuum would be in the locks' way
        EXECUTE format('CREATE TABLE message_ids_%1$s PARTITION OF message_ids
                        FOR VALUES IN (%1$s) WITH (autovacuum_enabled = false)', slot);
    END LOOP;
END $$;
"""
