"""The loop's own metrics. Labels are bounded: topics, stages and outcomes only."""

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
LAST_PROGRESS = Gauge(
    "tuvi_consumer_last_progress_timestamp_seconds", "When a stage last went round.", ["stage"]
)
LAG = Gauge("tuvi_consumer_lag_records", "Records not yet committed.", ["stage", "partition"])
OUTBOX_PENDING = Gauge(
    "tuvi_outbox_oldest_pending_timestamp_seconds",
    "When the oldest unpublished batch was committed; 0 when there is none.",
    ["stage"],
)
TIMERS = Counter("tuvi_timers_fired_total", "Timers fired.", ["stage", "outcome"])
TIMER_LATENESS = Histogram(
    "tuvi_timer_lateness_seconds",
    "Business time between due and fired.",
    ["stage"],
    buckets=(0.5, 1, 2, 5, 15, 60, 300, 3600, 6 * 3600),
)
TIMERS_HELD = Gauge(
    "tuvi_timers_held_seconds", "Wall time since the horizon last moved.", ["stage", "partition"]
)
REBALANCES = Counter("tuvi_consumer_rebalances_total", "Partitions assigned.", ["stage"])
