"""What came in, and what will go out: the loop's own small vocabulary."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from shared.contracts.codec import Message
from shared.contracts.keys import contact_key
from shared.contracts.topics import Topic
from shared.db.timers import Timer

SOURCE_HEADER = "tuvi-source"


class Source(NamedTuple):
    """Who published a message: header `tuvi-source`, `stage/partition/lineage/batch/number`."""

    stage: str
    partition: int
    lineage: int
    batch: int
    number: int

    def encode(self) -> bytes:
        return "/".join(map(str, self)).encode()

    @classmethod
    def decode(cls, value: bytes) -> "Source":
        stage, *numbers = value.decode().split("/")
        partition, lineage, batch, number = map(int, numbers)
        return cls(stage, partition, lineage, batch, number)

    @property
    def mark(self) -> list[int]:
        return [self.lineage, self.batch, self.number]


@dataclass(frozen=True, slots=True)
class Received:
    """One decoded message. `topic` is the contract's name, without a test's prefix."""

    topic: str
    partition: int
    offset: int
    key: str
    message: Any
    raw: bytes
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish: its key decides the partition."""

    topic: Topic
    key: str
    message: Message

    @classmethod
    def to_contact(cls, topic: Topic, contact: str, message: Message) -> "Outgoing":
        return cls(topic, contact_key(message.workspace, contact), message)


@dataclass(slots=True)
class Work:
    """What a stage is given: messages in partition order, timers due, and business time."""

    partition: int
    partitions: int
    messages: list[Received] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    horizon: datetime | None = None  # timers due by this instant may fire
    now: datetime | None = None  # set by the fence, from the database
    stage: str = ""  # whose batch it is, for who watches

    @property
    def time(self) -> datetime:
        """Business time of this batch; known once the fence has been passed."""
        if self.now is None:
            raise RuntimeError("business time is read with the fence")
        return self.now
