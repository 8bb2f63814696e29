"""One bad message stops nobody: it goes to `<topic>.dead-letters` with its reason (promise 6)."""

from datetime import UTC, datetime

from shared.contracts import DeadLetter, topics
from shared.contracts.codec import encode
from shared.contracts.topics import Topic
from shared.db.outbox import Packed
from shared.errors import StageStopped
from shared.kafka.records import Received

MAX_VALUE_BYTES = 500_000  # base64 makes it a third larger, and it must fit into Kafka
MAX_REASON = 2_000
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in topics.ALL}


def pack(stage: str, bad: Received, reason: str) -> Packed:
    """The dead letter for the outbox; keyed like its source, so it lands on the same partition."""
    cut = " (cut: see topic and offset)" if len(bad.raw) > MAX_VALUE_BYTES else ""
    letter = DeadLetter(
        workspace=getattr(bad.message, "workspace", ""),
        topic=bad.topic,
        partition=bad.partition,
        offset=bad.offset,
        stage=stage,
        reason=reason[:MAX_REASON] + cut,
        at=datetime.now(UTC),
        value=bad.raw[:MAX_VALUE_BYTES],
    )
    return Packed(BY_NAME[bad.topic].dead_letter_name, bad.key, encode(letter))


class InARow:
    """Counts dead letters without a good message between; too many mean that we are wrong."""

    def __init__(self, limit: int) -> None:
        self._limit, self._count = limit, 0

    def good(self) -> None:
        self._count = 0

    def bad(self, stage: str, reason: str) -> None:
        """Raises StageStopped past the limit."""
        self._count += 1
        if self._count > self._limit:
            raise StageStopped(f"{stage}: {self._count} dead letters in a row, last: {reason}")
