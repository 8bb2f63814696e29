"""A batch of aiokafka's that takes many records at once: one by one costs as much as a record."""

from collections.abc import Sequence

from aiokafka.producer.message_accumulator import BatchBuilder

from shared.kafka.producer import MAX_BATCH_BYTES

from .tickets import Record

_UNPACKED = 0
_NO_HEADERS: list[tuple[str, bytes]] = []


class Batch(BatchBuilder):  # type: ignore[misc]
    """`producer.send_batch` takes it as one of its own."""

    def __init__(self) -> None:
        super().__init__(MAX_BATCH_BYTES, _UNPACKED)
        self._relative_offset: int = 0

    def extend(self, records: Sequence[Record]) -> int:
        """How many fitted."""
        append, first = self._builder.append, self._relative_offset
        offset = first
        for key, value in records:
            if append(offset, None, key, value, _NO_HEADERS) is None:
                self.close()
                break
            offset += 1
        self._relative_offset = offset
        return offset - first
