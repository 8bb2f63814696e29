"""Key -> bucket -> partition. One function, for producers, rows and owners alike."""

from murmurhash2 import murmurhash2

BUCKETS = 1024
_KAFKA_SEED = 0x9747B28C  # Kafka's default partitioner: so foreign producers land right too


def bucket_of(key: str) -> int:
    """0..1023; stored on the rows, and the same whatever the number of partitions."""
    hashed: int = murmurhash2(key.encode(), _KAFKA_SEED)
    return (hashed & 0x7FFFFFFF) % BUCKETS


def partition_of(key: str, partitions: int) -> int:
    """`partitions` is a power of two up to 1024."""
    return bucket_of(key) & (partitions - 1)
