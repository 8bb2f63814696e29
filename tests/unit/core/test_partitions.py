"""One contact, one partition, everywhere, and where Kafka's own clients would put it too."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from shared.db.outbox import MAX_ROW_BYTES, Packed, _chunks
from shared.kafka.partitioner import bucket_of, partition_of


@given(st.text(max_size=60), st.integers(0, 10))
def test_the_partition_is_the_one_of_kafkas_own_partitioner(key: str, power: int) -> None:
    partitions = 2**power
    theirs = DefaultPartitioner()(key.encode(), list(range(partitions)), list(range(partitions)))
    assert partition_of(key, partitions) == theirs


@given(st.text(max_size=60), st.integers(0, 9))
def test_growing_splits_a_partition_in_two(key: str, power: int) -> None:
    assert partition_of(key, 2 ** (power + 1)) % 2**power == partition_of(key, 2**power)
    assert 0 <= bucket_of(key) < 1024


@given(st.lists(st.integers(0, 400_000), max_size=12))
def test_outbox_rows_keep_order_and_stay_under_a_megabyte(sizes: list[int]) -> None:
    messages = [Packed("t", str(i), b"x" * size) for i, size in enumerate(sizes)]
    rows = list(_chunks(messages))
    assert [m for _, part in rows for m in part] == messages
    assert [first for first, _ in rows] == [int(part[0].key) for _, part in rows]
    for _, part in rows:
        assert len(part) == 1 or sum(len(m.value) for m in part) <= MAX_ROW_BYTES
