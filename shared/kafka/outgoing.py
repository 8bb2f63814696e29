"""From what a stage wants to say to addressed Kafka messages with their source header."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from shared.contracts import Progress, topics
from shared.contracts.codec import encode
from shared.db.outbox import Packed, Row
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import MAX_BATCH_BYTES, Addressed
from shared.kafka.records import SOURCE_HEADER, Outgoing, Source

MAX_MESSAGE_BYTES = MAX_BATCH_BYTES - 10_000
_SINGLE = {t.name for t in topics.ALL if t.single_partition}


class TooLarge(Exception):  # noqa: N818  named for the fact
    """A message would not fit into Kafka; its cause goes to the dead letters."""


def pack(messages: Iterable[Outgoing]) -> list[Packed]:
    """Encoded once, here; sizes checked before anything is written."""
    packed = [Packed(m.topic.name, m.key, encode(m.message)) for m in messages]
    for message in packed:
        if len(message.value) > MAX_MESSAGE_BYTES:
            raise TooLarge(f"{message.topic} {message.key}: {len(message.value)} bytes")
    return packed


def pack_progress(stage: str, partition: int, at: datetime) -> Packed:
    """The last message of a batch: all before `at` has left this partition."""
    message = Progress(workspace="", stage=stage, partition=partition, at=at)
    return Packed(topics.PROGRESS.name, f"{stage}/{partition}", encode(message))


def address(
    stage: str, partition: int, rows: Iterable[Row], partitions: int, prefix: str
) -> Iterator[list[Addressed]]:
    """Groups to be published one after the other: progress only after all before it."""
    group: list[Addressed] = []
    for row in rows:
        for i, message in enumerate(row.messages):
            source = Source(stage, partition, row.lineage, row.batch, row.first + i)
            is_progress = message.topic == topics.PROGRESS.name
            if is_progress and group:
                yield group
                group = []
            group.append(
                Addressed(
                    prefix + message.topic,
                    0 if message.topic in _SINGLE else partition_of(message.key, partitions),
                    message.key.encode(),
                    message.value,
                    [(SOURCE_HEADER, source.encode())],
                )
            )
    if group:
        yield group
