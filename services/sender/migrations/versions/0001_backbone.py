"""The backbone: ownership, outbox and the service's own tables."""

from shared.db.alembic_env import execute
from shared.db.life import LIFE
from shared.db.schema import LOOP
from shared.definitions import TABLE as DEFINITIONS

revision = "0001"
down_revision = None


def upgrade() -> None:
    execute(LOOP)
    execute(DEFINITIONS)
    execute(TABLES)


def downgrade() -> None:
    """Forward only: a change back is a new migration."""
    raise RuntimeError("migrations go forward only")


TABLES = (
    """
CREATE TYPE message_status AS ENUM (   -- transitions: services/sender/domain/message.py
    'queued',      -- waits for a dispatcher
    'claimed',     -- a dispatcher prepares it; free to take back when the lease is over
    'sending',     -- the request may be on its way
    'ambiguous',   -- its answer was lost: it may have been sent
    'sent',        -- the end
    'failed',      -- SES will never take it
    'skipped',     -- it must not be sent: reason
    'withdrawn'    -- taken back in time: reason
);

-- Narrow, because each message's row is written four times.
CREATE TABLE messages (
    workspace       text           NOT NULL,
    message         text           NOT NULL,
    contact         text           NOT NULL,
    bucket          smallint       NOT NULL,
    status          message_status NOT NULL,
    reason          text           NOT NULL,
    journey         text           NOT NULL,
    version         integer        NOT NULL,
    run             text           NOT NULL,
    step            text           NOT NULL,
    variant         text           NOT NULL,
    template        text           NOT NULL,
    topic           text           NOT NULL,
    transactional   boolean        NOT NULL,
    contact_version integer        NOT NULL,
    due_at          timestamptz,              -- business time, as are not_after and sent_at
    not_after       timestamptz,
    address         text           NOT NULL,  -- of the last claim
    claimed_by      text           NOT NULL,  -- new with each claim
    lease_until     timestamptz,              -- wall time, as are not_before and started_at
    not_before      timestamptz,
    attempts        integer        NOT NULL,
    ambiguities     integer        NOT NULL,  -- how many of them became ambiguous
    started_at      timestamptz,
    sent_at         timestamptz,
    provider_id     text           NOT NULL,
    withdraw        text           NOT NULL,
    held            boolean        NOT NULL,
    PRIMARY KEY (workspace, message)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_threshold = 1000);
CREATE INDEX messages_lanes ON messages (transactional, workspace, journey, due_at)
    WHERE status = 'queued';
CREATE INDEX messages_leases ON messages (lease_until) WHERE status IN ('claimed', 'sending');
CREATE INDEX messages_ambiguous ON messages (started_at) WHERE status = 'ambiguous';
CREATE INDEX messages_contact ON messages (workspace, contact);

-- The Send as it came (JSON), written once.
CREATE TABLE commands (
    workspace text  NOT NULL,
    message   text  NOT NULL,
    body      bytea NOT NULL,
    PRIMARY KEY (workspace, message)
);

CREATE TABLE contacts (
    workspace   text     NOT NULL,
    contact     text     NOT NULL,
    bucket      smallint NOT NULL,
    version     integer  NOT NULL,
    email       text     NOT NULL,
    consent     jsonb    NOT NULL,
    merged_into text     NOT NULL,            -- a redirect when not empty
    erased      boolean  NOT NULL,
    PRIMARY KEY (workspace, contact)
);

CREATE TABLE suppressions (
    workspace text        NOT NULL,
    address   text        NOT NULL,           -- small letters; `contact:<id>` where none was known
    topic     text        NOT NULL,           -- '' is everything, '*' all marketing
    reason    text        NOT NULL,
    at        timestamptz NOT NULL,           -- business time
    PRIMARY KEY (workspace, address, topic)
);

CREATE TABLE bounces (
    workspace    text        NOT NULL,
    address      text        NOT NULL,
    days         jsonb       NOT NULL,        -- day -> [when, points]
    delivered_at timestamptz,
    PRIMARY KEY (workspace, address)
);

-- What dispatchers tell on delivery-events; deleted when Kafka has it.
CREATE TABLE announcements (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key     text   NOT NULL,
    value   bytea  NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- One row: whether anything is sent, and how fast.
CREATE TABLE dispatch (
    one           boolean          PRIMARY KEY DEFAULT true CHECK (one),
    enabled       boolean          NOT NULL DEFAULT true,
    off_because   text             NOT NULL DEFAULT '',
    system_id     text             NOT NULL,  -- the database's, when dispatch was last switched on
    timeline      integer          NOT NULL,
    rate_limit    double precision NOT NULL DEFAULT 1,   -- SES's MaxSendRate
    factor        double precision NOT NULL DEFAULT 1,   -- less while SES throttles
    tokens        double precision NOT NULL DEFAULT 0,
    filled_at     timestamptz      NOT NULL DEFAULT clock_timestamp(),
    blocked_until timestamptz,
    blocked_for   text             NOT NULL DEFAULT ''
) WITH (fillfactor = 20);
INSERT INTO dispatch (system_id, timeline)
    SELECT system_id, timeline FROM """
    + LIFE
    + """ AS life;
"""
)
