"""Stage profile: contacts, their history, who is in which segment; definitions and timers."""

from shared.db.alembic_env import execute
from shared.db.schema import TIMERS
from shared.definitions import TABLE

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    execute(TIMERS)
    execute(TABLE)
    execute(TABLES)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


# `history` is one plain table: its key is what recognises a repeat, however old, and a key of a
# table partitioned by month would have to contain the month. It is deleted by contact, not by age.
TABLES = """
CREATE TABLE profiles (
    workspace   text        NOT NULL,
    contact     text        NOT NULL,
    bucket      smallint    NOT NULL,
    version     bigint      NOT NULL,         -- of address, consent and merging
    email       text        NOT NULL,         -- empty if not known
    definitions text        NOT NULL,         -- digest of the definitions last answered
    state       jsonb       NOT NULL,         -- services.segmenter.domain.state.ContactState
    merged_into text        NOT NULL,         -- empty, or who this contact is now
    updated_at  timestamptz NOT NULL,         -- business time
    PRIMARY KEY (workspace, contact)
) WITH (fillfactor = 50);               -- room for the next version beside this one
CREATE INDEX profiles_email ON profiles (workspace, lower(email)) WHERE email <> '';
CREATE INDEX profiles_definitions ON profiles (workspace, definitions) WHERE merged_into = '';

CREATE TABLE history (                        -- the record for rebuilding
    workspace   text        NOT NULL,
    contact     text        NOT NULL,         -- at the time; a merge does not move it
    message_id  text        NOT NULL,         -- the client's, or a delivery event's fingerprint
    at          timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    kind        text        NOT NULL,         -- event, delivery, or (to look at only) segment
    name        text        NOT NULL,
    human       boolean     NOT NULL,         -- the verdict on an open or a click; else true
    event       jsonb       NOT NULL,
    PRIMARY KEY (workspace, contact, message_id)
);

CREATE TABLE members (                        -- who is in which segment, for counting and listing
    workspace text        NOT NULL,
    segment   text        NOT NULL,
    contact   text        NOT NULL,
    bucket    smallint    NOT NULL,
    since     timestamptz NOT NULL,
    PRIMARY KEY (workspace, segment, contact)
);
"""
