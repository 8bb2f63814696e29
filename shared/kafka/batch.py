"""One batch on its way through the loop's steps, and how records become one."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.contracts import CODECS, Undecodable, UnknownType
from shared.db.outbox import Row
from shared.db.timers import Timer
from shared.errors import StageStopped
from shared.kafka.records import SOURCE_HEADER, Outgoing, Received, Source, Work


@dataclass(slots=True)
class Batch:
    """`positions` and `sources` are what the ownership row will say after it."""

    work: Work
    positions: dict[str, int]
    sources: dict[str, list[int]]
    dead: list[tuple[Received, str]] = field(default_factory=list)
    progress: list[tuple[str, datetime]] = field(default_factory=list)  # reported with it
    state: Any = None
    outgoing: list[Outgoing] = field(default_factory=list)
    parked: list[Timer] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (
            self.work.messages or self.work.timers or self.dead or self.parked or self.progress
        )


def decode(topic: str, record: Any) -> Received:
    """A Kafka record; raises Undecodable (message None in `bad`) or UnknownType."""
    source = None
    for name, value in record.headers:
        if name == SOURCE_HEADER:
            source = Source.decode(value)
    message = CODECS[topic].decode(record.value)
    return Received(
        topic,
        record.partition,
        record.offset,
        (record.key or b"").decode(),
        message,
        record.value,
        source,
    )


def undecoded(topic: str, record: Any) -> Received:
    """A record whose bytes say nothing, as it goes to the dead letters."""
    key = (record.key or b"").decode(errors="replace")
    return Received(topic, record.partition, record.offset, key, None, record.value or b"")


def collect(batch: Batch, topic: str, records: Iterable[Any]) -> None:
    """Append a topic's records: repeats are dropped, broken ones set aside, positions moved."""
    for record in records:
        batch.positions[topic] = record.offset + 1
        try:
            received = decode(topic, record)
        except UnknownType as unknown:
            raise StageStopped(f"{topic}: this version does not know {unknown}") from unknown
        except (Undecodable, ValueError) as error:
            batch.dead.append((undecoded(topic, record), f"undecodable: {error}"))
            continue
        if received.source is not None and not _is_new(batch.sources, received):
            continue
        batch.work.messages.append(received)


def _is_new(sources: dict[str, list[int]], received: Received) -> bool:
    """Above the highest mark of this (topic, source stage, source partition)? Then it is the mark.

    A message that is set aside as dead later is above it too: it is not to come again.
    """
    source = received.source
    if source is None:
        return True
    name = f"{received.topic}/{source.stage}/{source.partition}"
    if name in sources and source.mark <= sources[name]:
        return False
    sources[name] = source.mark
    return True


def halves(batch: Batch, before: tuple[dict[str, int], dict[str, list[int]]]) -> list[Batch]:
    """The same batch as two smaller ones, for finding the one message that breaks it.

    Timers come after all messages; progress is reported with the last part.
    """
    items: list[tuple[str, Any]] = [("message", m) for m in batch.work.messages]
    items += [("timer", t) for t in batch.work.timers]
    middle = len(items) // 2
    first = _part(batch, items[:middle], *_advanced(before, items[:middle]))
    second = _part(batch, items[middle:], batch.positions, batch.sources)
    for dead in batch.dead:  # with the half whose position passes it, or a crash between loses it
        half = first if dead[0].offset < first.positions.get(dead[0].topic, 0) else second
        half.dead.append(dead)
    second.progress = batch.progress
    return [first, second]


def _part(
    batch: Batch,
    items: list[tuple[str, Any]],
    positions: dict[str, int],
    sources: dict[str, list[int]],
) -> Batch:
    work = Work(
        batch.work.partition,
        batch.work.partitions,
        messages=[x for kind, x in items if kind == "message"],
        timers=[x for kind, x in items if kind == "timer"],
        horizon=batch.work.horizon,
        stage=batch.work.stage,
    )
    return Batch(work, positions, sources)


def _advanced(
    before: tuple[dict[str, int], dict[str, list[int]]], items: list[tuple[str, Any]]
) -> tuple[dict[str, int], dict[str, list[int]]]:
    positions, sources = dict(before[0]), dict(before[1])
    for kind, received in items:
        if kind != "message":
            continue
        positions[received.topic] = received.offset + 1
        if received.source is not None:
            _is_new(sources, received)
    return positions, sources
