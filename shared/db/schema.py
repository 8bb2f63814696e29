"""The tables that every stage's schema has. Used by the services' migrations and `tuvi migrate`."""

INSTALLATION = """
CREATE SCHEMA IF NOT EXISTS installation;
CREATE TABLE IF NOT EXISTS installation.clock (
    one             boolean PRIMARY KEY DEFAULT true CHECK (one),
    origin_wall     timestamptz NOT NULL,
    origin_business timestamptz NOT NULL,
    speed           double precision NOT NULL CHECK (speed >= 0)
);
INSERT INTO installation.clock (origin_wall, origin_business, speed)
    SELECT t, t, 1 FROM (SELECT clock_timestamp() AS t) AS x ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS installation.settings (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    partitions integer NOT NULL CHECK (partitions > 0 AND partitions & (partitions - 1) = 0
                                       AND partitions <= 1024)
);
CREATE TABLE IF NOT EXISTS installation.workspaces (
    workspace text PRIMARY KEY,
    name      text NOT NULL,
    settings  jsonb NOT NULL DEFAULT '{}'
);
INSERT INTO installation.workspaces (workspace, name) VALUES ('default', 'Default')
    ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS installation.keys (
    hash       bytea PRIMARY KEY,             -- SHA-256; the key itself is shown once
    prefix     text NOT NULL,                 -- its visible beginning
    workspace  text NOT NULL REFERENCES installation.workspaces,
    scope      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
ALTER TABLE installation.keys
    ADD COLUMN IF NOT EXISTS name         text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS origins      text[] NOT NULL DEFAULT '{}', -- pages that may use it
    ADD COLUMN IF NOT EXISTS per_second   integer CHECK (per_second > 0), -- events; null: default
    ADD COLUMN IF NOT EXISTS last_used_at timestamptz,                  -- to half a minute
    DROP CONSTRAINT IF EXISTS keys_scope_check,
    ADD CONSTRAINT keys_scope_check
        CHECK (scope IN ('write_events', 'browser', 'read', 'write', 'operate'));
CREATE UNIQUE INDEX IF NOT EXISTS keys_prefix ON installation.keys (prefix);
"""

# One row per stage and partition, made by `tuvi migrate` alone. `batch` is the fence.
LOOP = """
CREATE TABLE ownership (
    stage     text    NOT NULL,
    partition integer NOT NULL,
    lineage   integer NOT NULL DEFAULT 1,     -- rises when the database was restored
    system_id text    NOT NULL,               -- PostgreSQL's, to see that
    timeline  integer NOT NULL,
    epoch     bigint  NOT NULL DEFAULT 0,     -- rises with every assignment
    batch     bigint  NOT NULL DEFAULT 0,     -- rises with every commit
    positions jsonb   NOT NULL,               -- topic -> next offset
    sources   jsonb   NOT NULL DEFAULT '{}',  -- topic/stage/partition -> [lineage, batch, index]
    PRIMARY KEY (stage, partition)
) WITH (fillfactor = 50);

CREATE TABLE outbox (
    stage     text    NOT NULL,
    partition integer NOT NULL,
    batch     bigint  NOT NULL,
    chunk     integer NOT NULL,
    lineage   integer NOT NULL,
    messages  bytea   NOT NULL,               -- msgpack: [index of the first, [message, ...]]
    PRIMARY KEY (stage, partition, batch, chunk)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
"""

# When the next thing is due for a contact. What is due stands in the contact's own state.
TIMERS = """
CREATE TABLE timers (
    workspace     text        NOT NULL,
    contact       text        NOT NULL,
    transactional boolean     NOT NULL DEFAULT false,
    due_at        timestamptz NOT NULL,
    bucket        smallint    NOT NULL,
    PRIMARY KEY (workspace, contact, transactional)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX timers_due ON timers (due_at, bucket);
"""
