"""The sender's own metrics. Labels are bounded; never a contact or an address."""

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter(
    "tuvi_send_attempts_total",
    "Messages by what came of trying: accepted, later, account, never, lost, skipped, returned.",
    ["outcome"],
)
REQUEST_SECONDS = Histogram(
    "tuvi_provider_request_duration_seconds",
    "SendEmail from the first byte written to the answer.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
QUOTA = Gauge("tuvi_provider_quota_messages", "SES's quota: day, left, second.", ["of"])
SANDBOX = Gauge("tuvi_provider_sandbox", "1 while SES has given no production access.")
BLOCKED = Gauge("tuvi_provider_blocked", "1 while the whole account must not send.")
AMBIGUOUS = Gauge("tuvi_messages_ambiguous", "Messages whose answer was lost.", ["held"])
UNHEARD = Counter(
    "tuvi_messages_unheard_total",
    "Ambiguous messages that SES's feed, read to its end, does not know: they were not sent.",
)
ENABLED = Gauge("tuvi_dispatch_enabled", "0 while dispatch is switched off.")
FEED_AGE = Gauge(
    "tuvi_feedback_age_seconds", "Since the stalest partition of notifications was caught up."
)
NOTIFICATION_LAG = Histogram(
    "tuvi_provider_notification_lag_seconds",
    "Wall time from sending to SES's Send; `sent once` holds while it is under the grace.",
    buckets=(1, 5, 15, 60, 300, 900, 3600),
)
