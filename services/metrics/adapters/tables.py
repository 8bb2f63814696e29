"""Structs as rows: read and locked by key, inserted, updated; a statement a table, never a row.

A row that two partitions' owners make at the same moment (a merge that one has heard of and the
other not yet) is made once: whoever comes second repeats its batch and finds it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import asyncpg
import msgspec

from services.metrics.domain.contact import Contact
from services.metrics.domain.message import Message
from services.metrics.domain.order import Order
from services.metrics.domain.run import Run
from shared.contracts.keys import contact_key
from shared.kafka.partitioner import bucket_of

Row = TypeVar("Row", Contact, Message, Order, Run)
_TYPES: dict[Any, str] = {
    str: "text",
    int: "integer",
    Decimal: "numeric",
    datetime: "timestamptz",
    datetime | None: "timestamptz",
}


class Table(Generic[Row]):
    """One struct's table: columns are its fields and `bucket`, the key is its first fields."""

    def __init__(self, name: str, row: type[Row], key_length: int) -> None:
        fields = msgspec.structs.fields(row)
        self.name = name
        self._row: type[Row] = row
        self._columns = [field.name for field in fields]
        self._key = self._columns[:key_length]
        self._types = [_TYPES.get(field.type, "jsonb") for field in fields]

    async def read(
        self, connection: asyncpg.Connection, columns: Sequence[str], keys: Iterable[Sequence[str]]
    ) -> list[Row]:
        """Rows whose `columns` are one of `keys`, locked, in key order."""
        wanted = sorted({tuple(key) for key in keys})
        if not wanted:
            return []
        arrays = ", ".join(f"${i}::text[]" for i in range(1, len(columns) + 1))
        found = await connection.fetch(
            f"""SELECT {", ".join(f"t.{c}" for c in self._columns)} FROM {self.name} t
                JOIN unnest({arrays}) AS k({", ".join(columns)}) USING ({", ".join(columns)})
                ORDER BY {", ".join(f"t.{c}" for c in self._key)} FOR UPDATE OF t""",
            *zip(*wanted, strict=True),
        )
        return [msgspec.convert(dict(row), self._row) for row in found]

    async def insert(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
        """New rows. Raises SerializationError if one has come to be meanwhile: repeat the batch."""
        if rows:
            done = await connection.execute(
                f"""INSERT INTO {self.name} ({", ".join(self._columns)}, bucket)
                    SELECT * FROM {self._unnest()} ON CONFLICT DO NOTHING""",
                *self._arrays(rows),
            )
            all_or_again(done, len(rows))

    async def update(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
        """Rows that were read, and so are locked."""
        if rows:
            changed = [c for c in [*self._columns, "bucket"] if c not in self._key]
            await connection.execute(
                f"""UPDATE {self.name} t SET {", ".join(f"{c} = n.{c}" for c in changed)}
                    FROM {self._unnest()} AS n({", ".join(self._columns)}, bucket)
                    WHERE {" AND ".join(f"t.{c} = n.{c}" for c in self._key)}""",
                *self._arrays(rows),
            )

    async def delete(self, connection: asyncpg.Connection, keys: Sequence[Sequence[str]]) -> None:
        """Rows that were read."""
        if keys:
            arrays = ", ".join(f"${i}::text[]" for i in range(1, len(self._key) + 1))
            await connection.execute(
                f"""DELETE FROM {self.name} t USING unnest({arrays}) AS k({", ".join(self._key)})
                    WHERE {" AND ".join(f"t.{c} = k.{c}" for c in self._key)}""",
                *zip(*keys, strict=True),
            )

    def _unnest(self) -> str:
        types = [*self._types, "smallint"]
        return f"unnest({', '.join(f'${i}::{t}[]' for i, t in enumerate(types, 1))})"

    def _arrays(self, rows: Sequence[Row]) -> list[list[Any]]:
        columns: list[list[Any]] = [[getattr(row, name) for row in rows] for name in self._columns]
        return [*columns, [bucket_of(contact_key(row.workspace, row.contact)) for row in rows]]


def all_or_again(done: str, expected: int) -> None:
    """`done`: what PostgreSQL says of an insert, `INSERT 0 <rows>`."""
    if int(done.rpartition(" ")[2]) != expected:
        raise asyncpg.SerializationError("a row was made by another partition's owner meanwhile")


CONTACTS = Table("contacts", Contact, 2)
MESSAGES = Table("messages", Message, 2)
RUNS = Table("runs", Run, 2)
ORDERS = Table("orders", Order, 3)
