"""The backbone: ownership, outbox, definitions, and what is remembered of contacts and runs."""

from shared.db.alembic_env import execute
from shared.db.schema import LOOP, TIMERS
from shared.definitions import TABLE as DEFINITIONS

revision = "0001"
down_revision = None


def upgrade() -> None:
    execute(LOOP)
    execute(TIMERS)
    execute(DEFINITIONS)
    execute(TABLES)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


TABLES = """
-- What the core remembers of a contact. No row: nothing to remember.
CREATE TABLE contacts (
    workspace   text     NOT NULL,
    contact     text     NOT NULL,
    bucket      smallint NOT NULL,
    merged_into text,                          -- a redirect, for ever (also in the state)
    state       jsonb    NOT NULL,
    PRIMARY KEY (workspace, contact)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX contacts_merged ON contacts (workspace, merged_into) WHERE merged_into IS NOT NULL;

-- Runs as the API and reports show them, written from the same decisions that change the state.
-- Keyed by contact first, so that a contact's rows lie in one database; a merge moves open runs.
CREATE TABLE runs (
    workspace   text        NOT NULL,
    contact     text        NOT NULL,
    run         text        NOT NULL,
    bucket      smallint    NOT NULL,
    journey     text        NOT NULL,
    version     integer     NOT NULL,
    status      text        NOT NULL CHECK (status IN ('active', 'exited')),
    step        text        NOT NULL DEFAULT '',   -- where it is, or was last
    held        boolean     NOT NULL DEFAULT false, -- was due while its journey was paused
    key         text        NOT NULL DEFAULT '',
    entered_at  timestamptz NOT NULL,
    exited_at   timestamptz,
    exit_reason text        NOT NULL DEFAULT '',
    goal_at     timestamptz,
    PRIMARY KEY (workspace, contact, run)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX runs_of_a_journey ON runs (workspace, journey, entered_at, run);
CREATE INDEX runs_held ON runs (workspace, journey) WHERE held;

-- Why: append only (promise 8). `seq` orders what was decided at one instant.
CREATE TABLE decisions (
    seq       bigint      GENERATED ALWAYS AS IDENTITY,
    workspace text        NOT NULL,
    contact   text        NOT NULL,
    bucket    smallint    NOT NULL,
    journey   text        NOT NULL,
    run       text        NOT NULL,
    at        timestamptz NOT NULL,
    version   integer     NOT NULL,
    what      text        NOT NULL,
    reason    text        NOT NULL,
    step      text        NOT NULL,
    input     text        NOT NULL,            -- messageId, delivery or timer it was decided on
    detail    jsonb       NOT NULL
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE INDEX decisions_of_a_contact ON decisions (workspace, contact, journey, at, seq);
"""
