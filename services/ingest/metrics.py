"""Ingest's numbers. Labels are of a fixed set: routes, methods, codes, outcomes."""

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter(
    "tuvi_ingest_events_total",
    "Events of shops by what became of them: accepted, refused, unavailable, too_many",
    ["outcome"],
)
ACCEPTED, REFUSED, UNAVAILABLE = (
    EVENTS.labels(outcome) for outcome in ("accepted", "refused", "unavailable")
)
LIMITED = EVENTS.labels("too_many")
NOT_SHOWN = Counter(
    "tuvi_ingest_refusals_not_shown_total",
    "Refusals that the live view does not show: too many in a second, or Kafka did not take them",
)
FORMS = Counter(
    "tuvi_ingest_form_submissions_total",
    "Posts of forms: accepted, refused, trapped (by the hidden field), too_often, unavailable",
    ["outcome"],
)
WEBHOOKS = Counter(
    "tuvi_ingest_webhooks_total",
    "Deliveries of shops: mapped, raw (kept as they came), to_fetch, unsigned, other_shop, unknown "
    "(source), closed (its secret cannot be opened), unavailable (Kafka did not take it), held "
    "(PostgreSQL keeps it for Kafka)",
    ["shop", "outcome"],
)
WEBHOOKS_HELD = Gauge(
    "tuvi_ingest_webhooks_held", "Deliveries of shops that repeat nothing, that wait for Kafka"
)
WEBHOOKS_HELD_OLDEST = Gauge(
    "tuvi_ingest_webhooks_held_oldest_seconds", "For how long the oldest of them has waited"
)
SOURCES_CLOSED = Gauge(
    "tuvi_ingest_sources_closed",
    "Sources whose secrets no token key opens; their webhooks are answered 503",
)
FETCHES = Counter(
    "tuvi_ingest_fetches_total",
    "What webhooks speak of, fetched from the shop's API: told, gone (there), raw (kept as it "
    "came), later (it failed), unavailable (Kafka)",
    ["outcome"],
)
FETCHES_WAITING = Gauge("tuvi_ingest_fetches_waiting", "Webhooks that wait for the shop's API")
FETCHES_OLDEST = Gauge("tuvi_ingest_fetches_oldest_seconds", "For how long the oldest has waited")
SES_EVENTS = Counter(
    "tuvi_ingest_ses_events_total",
    "Notifications of SES by type; `other` are those that are not for us",
    ["type"],
)
SES_LAG = Histogram(
    "tuvi_ingest_ses_event_lag_seconds",
    "From SNS's (raw delivery: SQS's) time of a notification to its arrival here by the queue",
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 86_400),
)
SQS_FAILURES = Counter("tuvi_ingest_sqs_failures_total", "Receives that SQS did not answer")
SQS_MESSAGES = Gauge(
    "tuvi_ingest_sqs_messages",
    "In SES's queue and its dead letters, as SQS counts; told by one replica",
    ["where"],
)
MARKED = Gauge(
    "tuvi_ingest_feed_marked_timestamp_seconds",
    "All that SES's queue held before then is in Kafka, as this replica has marked it",
)
OVERLOADED = Counter("tuvi_ingest_overloaded_total", "Requests answered 503: there was no room")
SLOW = Counter("tuvi_ingest_slow_bodies_total", "Requests answered 408: the body did not come")
QUEUE_BYTES = Gauge("tuvi_ingest_queue_bytes", "Bytes that wait for Kafka's acknowledgement")
REQUESTS = Histogram(
    "http_request_duration_seconds",
    "From the request's head to the answer's last byte",
    ["route", "method", "code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


@lru_cache(maxsize=1024)
def duration_of(route: str, method: str, code: int) -> Histogram:
    """The one child of these labels; finding it anew costs more than observing."""
    return REQUESTS.labels(route, method, str(code))
