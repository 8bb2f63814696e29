"""The loop's own metrics. Labels are bounded: topics, stages, partitions and outcomes only."""

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter(
    "tuvi_consumer_records_total", "Records taken by a stage.", ["stage", "topic", "outcome"]
)
BATCH_SECONDS = Histogram(
    "tuvi_consumer_processing_duration_seconds",
    "One batch from fence to commit.",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
TIMERS = Counter(
    "tuvi_timers_fired_total",
    "Timers by what became of them: fired, forced (held for too long), parked (broke their batch).",
    ["stage", "outcome"],
)
TIMER_LATENESS = Histogram(
    "tuvi_timer_lateness_seconds",
    "Business time between due and fired.",
    ["stage"],
    buckets=(0.5, 1, 2, 5, 15, 60, 300, 3600, 6 * 3600),
)
REBALANCES = Counter("tuvi_consumer_rebalances_total", "Partitions assigned.", ["stage"])

PARTITION = ["stage", "partition"]
LAST_PROGRESS = Gauge(
    "tuvi_consumer_last_progress_timestamp_seconds",
    "When a partition's loop last went round, be it to try again what is away.",
    PARTITION,
)
LAST_READ = Gauge(
    "tuvi_consumer_last_read_timestamp_seconds",
    "When a partition's loop last knew what Kafka has for it.",
    PARTITION,
)
LAG = Gauge("tuvi_consumer_lag_records", "Records not yet committed.", PARTITION)
OUTBOX_PENDING = Gauge(
    "tuvi_outbox_oldest_pending_timestamp_seconds",
    "Since when a committed batch waits to be published; 0 when none does.",
    PARTITION,
)
TIMERS_HELD = Gauge(
    "tuvi_timers_held_seconds", "Wall time since the horizon last moved.", PARTITION
)
