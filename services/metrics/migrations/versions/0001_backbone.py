"""The backbone: ownership, outbox, and the rows from which every number follows."""

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
-- Who is one person. A merged contact stays as a redirect.
CREATE TABLE contacts (
    workspace   text        NOT NULL,
    contact     text        NOT NULL,
    bucket      smallint    NOT NULL,
    first_at    timestamptz NOT NULL,
    merged_into text        NOT NULL DEFAULT '',
    PRIMARY KEY (workspace, contact)
) WITH (fillfactor = 80);

-- One mail to one contact, or one that was not sent. Times only ever become known, or earlier.
CREATE TABLE messages (
    workspace               text     NOT NULL,
    message                 text     NOT NULL,
    contact                 text     NOT NULL,      -- who it belongs to now; merges move it
    bucket                  smallint NOT NULL,
    journey                 text     NOT NULL,
    version                 integer  NOT NULL,
    run                     text     NOT NULL,
    step                    text     NOT NULL,
    variant                 text     NOT NULL,
    template                text     NOT NULL,
    topic                   text     NOT NULL,
    sent_at                 timestamptz,
    delivered_at            timestamptz,
    opened_at               timestamptz,            -- by anybody
    opened_human_at         timestamptz,
    opened_machine_at       timestamptz,
    clicked_at              timestamptz,
    clicked_human_at        timestamptz,
    clicked_machine_at      timestamptz,
    bounced_hard_at         timestamptz,
    bounced_soft_at         timestamptz,
    bounced_undetermined_at timestamptz,
    complained_at           timestamptz,
    unsubscribed_at         timestamptz,
    skipped_at              timestamptz,
    skipped_reason          text     NOT NULL,
    failed_at               timestamptz,
    failed_reason           text     NOT NULL,
    opens                   jsonb    NOT NULL,      -- digests: each open counts once
    clicks                  jsonb    NOT NULL,
    human_clicks            jsonb    NOT NULL,      -- times, for attribution
    won                     jsonb    NOT NULL,      -- order id -> amount, currency, refunded
    PRIMARY KEY (workspace, message)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX messages_of_a_contact ON messages (workspace, contact);

-- One order of one contact, and the mail that it is attributed to ('' for none).
CREATE TABLE orders (
    workspace    text     NOT NULL,
    contact      text     NOT NULL,
    order_id     text     NOT NULL,
    bucket       smallint NOT NULL,
    completed_at timestamptz,
    priced_at    timestamptz,                       -- of the Order Completed that says the amount
    priced_by    text     NOT NULL,
    amount       numeric  NOT NULL,
    currency     text     NOT NULL,
    cancelled_at timestamptz,
    refunds      jsonb    NOT NULL,
    message      text     NOT NULL,
    PRIMARY KEY (workspace, contact, order_id)
) WITH (fillfactor = 80);

-- One run as reports count it.
CREATE TABLE runs (
    workspace   text     NOT NULL,
    run         text     NOT NULL,
    contact     text     NOT NULL,
    bucket      smallint NOT NULL,
    journey     text     NOT NULL,
    version     integer  NOT NULL,
    entered_at  timestamptz,
    exited_at   timestamptz,
    exit_reason text     NOT NULL,
    goal_at     timestamptz,
    steps       jsonb    NOT NULL,                  -- step -> when reached, variant
    PRIMARY KEY (workspace, run)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX runs_of_a_contact ON runs (workspace, contact);

-- Digests of what is only counted (store events, refusals): a repeat counts once. Kept as long as
-- Kafka can repeat it; wall time, for that is Kafka's.
CREATE TABLE facts (
    workspace text   NOT NULL,
    digest    bigint NOT NULL,
    noted_on  date   NOT NULL DEFAULT CURRENT_DATE,
    PRIMARY KEY (workspace, digest)
);
CREATE INDEX facts_by_day ON facts USING brin (noted_on);

-- Net sums for reports. Each partition's owner has rows of its own: none is hot, reading adds up.
CREATE TABLE hours (
    workspace text        NOT NULL,
    journey   text        NOT NULL,
    hour      timestamptz NOT NULL,
    step      text        NOT NULL,
    variant   text        NOT NULL,
    name      text        NOT NULL,
    detail    text        NOT NULL,
    partition smallint    NOT NULL,
    value     numeric     NOT NULL,
    PRIMARY KEY (workspace, journey, hour, step, variant, name, detail, partition)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- For Prometheus: both columns only rise; gained - lost is the number. `number` says which label
-- was there first, so that what is bounded stays the same for ever.
CREATE TABLE counters (
    workspace text     NOT NULL,
    journey   text     NOT NULL,
    step      text     NOT NULL,
    variant   text     NOT NULL,
    name      text     NOT NULL,
    detail    text     NOT NULL,
    partition smallint NOT NULL,
    gained    numeric  NOT NULL,
    lost      numeric  NOT NULL,
    number    bigint   GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (workspace, journey, step, variant, name, detail, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
"""
