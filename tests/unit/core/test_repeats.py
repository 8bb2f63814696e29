"""What was published again is taken once; what breaks a batch is found (promises 2 and 6)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import Event, IdentifiedEvent, encode
from shared.errors import StageStopped
from shared.kafka import dead_letters
from shared.kafka.batch import Batch, collect, halves
from shared.kafka.dead_letters import InARow
from shared.kafka.records import SOURCE_HEADER, Received, Source, Work

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TOPIC = "identified-events"


@dataclass
class Record:
    offset: int
    source: Source
    partition: int = 0
    key: bytes = b"default:c"
    value: bytes = b""
    headers: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        event = Event(message_id=str(self.source), kind="track", at=NOON, received_at=NOON)
        self.value = encode(IdentifiedEvent(workspace="default", contact="c", event=event))
        self.headers = [(SOURCE_HEADER, self.source.encode())]


def empty() -> Batch:
    return Batch(Work(0, 1), {TOPIC: 0}, {})


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(1, 3))
def test_batches_published_again_from_any_point_are_taken_once(
    resume_points: list[int], lineage: int
) -> None:
    """A publisher that crashes repeats from its oldest unpublished batch, in order, ever again."""
    sources: list[Source] = []
    for published, point in enumerate(resume_points):
        for number in range(max(0, published - point), published + 1):
            sources += [Source("identity", 3, lineage, number, n) for n in range(2)]
    batch = empty()
    collect(batch, TOPIC, [Record(i, source) for i, source in enumerate(sources)])
    taken = [m.source for m in batch.work.messages]
    assert taken == sorted(set(sources))
    assert batch.positions[TOPIC] == len(sources)


def test_a_new_lineage_is_above_everything_before() -> None:
    batch = empty()
    old, new = Source("identity", 0, 1, 900, 5), Source("identity", 0, 2, 3, 0)
    collect(batch, TOPIC, [Record(0, old), Record(1, new), Record(2, old)])
    assert [m.source for m in batch.work.messages] == [old, new]


@given(st.integers(2, 40))
def test_halving_keeps_order_positions_and_marks(count: int) -> None:
    batch = empty()
    before: tuple[dict[str, int], dict[str, list[int]]] = ({TOPIC: 0}, {})
    collect(batch, TOPIC, [Record(i, Source("identity", 0, 1, i, 0)) for i in range(count)])
    first, second = halves(batch, before)
    assert first.work.messages + second.work.messages == batch.work.messages
    assert first.positions[TOPIC] == first.work.messages[-1].offset + 1
    assert first.sources[f"{TOPIC}/identity/0"] == [1, len(first.work.messages) - 1, 0]
    assert (second.positions, second.sources) == (batch.positions, batch.sources)


def test_bytes_that_say_nothing_are_set_aside_and_the_position_moves() -> None:
    batch = empty()
    broken = Record(0, Source("identity", 0, 1, 1, 0))
    broken.value = b"\xff{"
    collect(batch, TOPIC, [broken, Record(1, Source("identity", 0, 1, 1, 1))])
    assert [m.offset for m in batch.work.messages] == [1]
    assert "undecodable" in batch.dead[0][1]
    assert batch.positions[TOPIC] == 2


def test_a_type_from_the_future_stops() -> None:
    future = Record(0, Source("identity", 0, 1, 1, 0))
    future.value = b'{"type": "FromTheFuture", "workspace": "default"}'
    with pytest.raises(StageStopped, match="FromTheFuture"):
        collect(empty(), TOPIC, [future])


def test_too_many_dead_letters_in_a_row_stop_and_a_good_message_between_does_not() -> None:
    row = InARow(2)
    row.bad("identity", "x")
    row.bad("identity", "x")
    row.good()
    row.bad("identity", "x")
    row.bad("identity", "x")
    with pytest.raises(StageStopped, match="3 dead letters in a row"):
        row.bad("identity", "x")


def test_what_is_set_aside_stays_with_the_half_whose_position_passes_it() -> None:
    """Or a crash between the halves would lose it without a dead letter."""
    batch = empty()
    records = [Record(i, Source("identity", 0, 1, i, 0)) for i in range(4)]
    records[0].value = b"{"
    collect(batch, TOPIC, records)
    first, second = halves(batch, ({TOPIC: 0}, {}))
    assert first.positions[TOPIC] == 2
    assert [dead.offset for dead, _ in first.dead] == [0]
    assert second.dead == []


def test_a_huge_dead_letter_fits_into_kafka() -> None:
    bad = Received(TOPIC, 0, 7, "k", None, b"x" * 5_000_000)
    packed = dead_letters.pack("profile", bad, "y" * 10_000)
    assert len(packed.value) < 800_000
    assert b"cut: see topic and offset" in packed.value
