"""The topics: names, keys, who writes, who reads. The one place where a topic's name stands.

Every contact-keyed topic has the same number of partitions N (a power of two, stored in
PostgreSQL by `tuvi migrate`), so that one contact is on the same partition number everywhere.
"""

from dataclasses import dataclass

DEFAULT_PARTITIONS = 4  # of contact-keyed topics, where `tuvi migrate` is not told otherwise


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic. `keyed_by` is what the key names; `compacted` keeps the newest per key."""

    name: str
    keyed_by: str
    compacted: bool = False
    single_partition: bool = False  # read whole by every process
    dead_letters: bool = False

    @property
    def dead_letter_name(self) -> str:
        return f"{self.name}.dead-letters"


STORE_EVENTS = Topic("store-events", "identity as given", dead_letters=True)
RAW_EVENTS = Topic("raw-events", "door")
REFUSED_EVENTS = Topic("refused-events", "door")
IDENTIFIED_EVENTS = Topic("identified-events", "contact", dead_letters=True)
DELIVERY_EVENTS = Topic("delivery-events", "contact", dead_letters=True)
CONTACT_EVENTS = Topic("contact-events", "contact", dead_letters=True)
CONTACT_CHANGES = Topic("contact-changes", "contact", compacted=True, dead_letters=True)
SEND_COMMANDS = Topic("send-commands", "contact", dead_letters=True)
JOURNEY_EVENTS = Topic("journey-events", "contact", dead_letters=True)
JOURNEY_COMMANDS = Topic("journey-commands", "contact or journey", dead_letters=True)
AUDIENCE_REQUESTS = Topic("audience-requests", "one copy per partition", dead_letters=True)
DEFINITIONS = Topic("definitions", "kind and id", compacted=True, single_partition=True)
CATALOGUE_CHANGES = Topic("catalogue-changes", "product", compacted=True, dead_letters=True)
PROGRESS = Topic("progress", "stage and partition", compacted=True, single_partition=True)

ALL: tuple[Topic, ...] = (
    STORE_EVENTS,
    RAW_EVENTS,
    REFUSED_EVENTS,
    IDENTIFIED_EVENTS,
    DELIVERY_EVENTS,
    CONTACT_EVENTS,
    CONTACT_CHANGES,
    SEND_COMMANDS,
    JOURNEY_EVENTS,
    JOURNEY_COMMANDS,
    AUDIENCE_REQUESTS,
    DEFINITIONS,
    CATALOGUE_CHANGES,
    PROGRESS,
)
