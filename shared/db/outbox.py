"""What a batch will publish, kept in its transaction: rows of up to 1 MB, many messages in each."""

from collections.abc import Iterator
from typing import NamedTuple

import asyncpg
import msgspec

from shared.db.ownership import Ownership

MAX_ROW_BYTES = 1_000_000


class Packed(NamedTuple):
    """One message ready to publish."""

    topic: str
    key: str
    value: bytes


class Row(NamedTuple):
    """One outbox row: `messages[i]` has index `first + i` within its batch."""

    batch: int
    lineage: int
    first: int
    messages: list[Packed]


_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(tuple[int, list[Packed]])


def _chunks(messages: list[Packed]) -> Iterator[tuple[int, list[Packed]]]:
    first, size = 0, 0
    for i, message in enumerate(messages):
        weight = len(message.value) + len(message.key) + len(message.topic) + 16
        if i > first and size + weight > MAX_ROW_BYTES:
            yield first, messages[first:i]
            first, size = i, 0
        size += weight
    if first < len(messages):
        yield first, messages[first:]


async def append(
    connection: asyncpg.Connection, owned: Ownership, messages: list[Packed]
) -> list[Row]:
    """Write the batch that follows `owned.batch`; gives the rows as they will be published."""
    chunks = list(_chunks(messages))
    if chunks:
        await connection.execute(
            """INSERT INTO outbox (stage, partition, batch, chunk, lineage, messages)
               SELECT $1, $2, $3, chunk, $4, messages
               FROM unnest($5::int[], $6::bytea[]) AS c(chunk, messages)""",
            owned.stage,
            owned.partition,
            owned.batch + 1,
            owned.lineage,
            list(range(len(chunks))),
            [_pack.encode(chunk) for chunk in chunks],
        )
    return [Row(owned.batch + 1, owned.lineage, first, part) for first, part in chunks]


async def pending(connection: asyncpg.Connection, stage: str, partition: int) -> list[Row]:
    """What is left to publish, oldest first."""
    rows = await connection.fetch(
        """SELECT batch, lineage, messages FROM outbox
           WHERE stage = $1 AND partition = $2 ORDER BY batch, chunk""",
        stage,
        partition,
    )
    return [Row(r["batch"], r["lineage"], *_unpack.decode(r["messages"])) for r in rows]


async def forget(connection: asyncpg.Connection, owned: Ownership, up_to: int) -> None:
    """Delete what was published; inside a batch's transaction, behind its fence."""
    await connection.execute(
        "DELETE FROM outbox WHERE stage = $1 AND partition = $2 AND batch <= $3",
        owned.stage,
        owned.partition,
        up_to,
    )
