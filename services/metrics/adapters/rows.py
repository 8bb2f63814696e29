"""A batch's rows out of PostgreSQL, locked, and back."""

from collections.abc import Iterable
from typing import Any

import asyncpg

from services.metrics.adapters.tables import CONTACTS, MESSAGES, ORDERS, RUNS, Table, all_or_again
from services.metrics.domain.book import Book
from services.metrics.domain.rows import OrderId, Rows
from services.metrics.domain.tally import Tally
from services.metrics.domain.wanted import Fact, Id, Wanted
from shared.contracts.keys import contact_key
from shared.kafka.partitioner import bucket_of


async def read(connection: asyncpg.Connection, wanted: Wanted) -> Rows:
    """Contacts first: who holds a person's row is alone with its orders and clicks."""
    rows = Rows()
    await _contacts(connection, rows, wanted.contacts)
    persons = {rows.person(contact) for contact in wanted.persons}
    by_id = await MESSAGES.read(connection, ("workspace", "message"), wanted.messages)
    theirs = await MESSAGES.read(connection, ("workspace", "contact"), persons)
    rows.messages = {Id(m.workspace, m.message): m for m in (*by_id, *theirs)}
    orders = await ORDERS.read(connection, ("workspace", "contact"), persons)
    rows.orders = {OrderId(o.workspace, o.contact, o.order_id): o for o in orders}
    runs = await RUNS.read(connection, ("workspace", "run"), wanted.runs)
    rows.runs = {Id(r.workspace, r.run): r for r in runs}
    rows.facts = await _facts(connection, wanted.facts)
    return rows


async def _contacts(connection: asyncpg.Connection, rows: Rows, asked: Iterable[Id]) -> None:
    """And who they became, to the end of the redirects."""
    left = set(asked)
    while left:
        found = await CONTACTS.read(connection, ("workspace", "contact"), left)
        rows.contacts |= {Id(c.workspace, c.contact): c for c in found}
        left = {Id(c.workspace, c.merged_into) for c in found if c.merged_into}
        left -= rows.contacts.keys()


async def _facts(connection: asyncpg.Connection, asked: Iterable[Fact]) -> set[Fact]:
    wanted = sorted(asked)
    found = await connection.fetch(
        """SELECT workspace, digest FROM facts
           JOIN unnest($1::text[], $2::bigint[]) AS k(workspace, digest) USING (workspace, digest)
        """,
        [f.workspace for f in wanted],
        [f.digest for f in wanted],
    )
    return {Fact(r["workspace"], r["digest"]) for r in found}


async def write(connection: asyncpg.Connection, book: Book, partition: int) -> None:
    """Rows that changed, and what they add to the sums."""
    await _move(connection, book)
    before, rows = book.before, book.rows
    await _keep(connection, CONTACTS, before.contacts, rows.contacts)
    await _keep(connection, MESSAGES, before.messages, rows.messages)
    await _keep(connection, RUNS, before.runs, rows.runs)
    await _keep(connection, ORDERS, before.orders, rows.orders)
    await _remember(connection, rows.facts - before.facts)
    await _add(connection, book.tally, partition)


async def _move(connection: asyncpg.Connection, book: Book) -> None:
    """All mails and runs of merged contacts; those that were read are written again."""
    if not book.moved:
        return
    moved = [(*loser, book.rows.person(loser).name) for loser in sorted(book.moved)]
    columns = [list(column) for column in zip(*moved, strict=True)]
    buckets = [bucket_of(contact_key(workspace, winner)) for workspace, _, winner in moved]
    for table in (MESSAGES, RUNS):
        await connection.execute(
            f"""UPDATE {table.name} t SET contact = k.winner, bucket = k.bucket
                FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[])
                  AS k(workspace, loser, winner, bucket)
                WHERE t.workspace = k.workspace AND t.contact = k.loser""",
            *columns,
            buckets,
        )


async def _keep(
    connection: asyncpg.Connection, table: Table[Any], before: dict[Any, Any], after: dict[Any, Any]
) -> None:
    gone = sorted(before.keys() - after.keys())
    await table.delete(connection, gone)
    await table.insert(connection, [after[key] for key in sorted(after.keys() - before.keys())])
    changed = [key for key in sorted(after.keys() & before.keys()) if after[key] != before[key]]
    await table.update(connection, [after[key] for key in changed])


async def _remember(connection: asyncpg.Connection, facts: set[Fact]) -> None:
    if facts:
        ordered = sorted(facts)
        done = await connection.execute(
            """INSERT INTO facts (workspace, digest)
               SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING""",
            [f.workspace for f in ordered],
            [f.digest for f in ordered],
        )
        all_or_again(done, len(ordered))


async def _add(connection: asyncpg.Connection, tally: Tally, partition: int) -> None:
    hours = sorted(key for key, value in tally.hours.items() if value)
    if hours:
        await connection.execute(
            """INSERT INTO hours AS h (workspace, journey, step, variant, name, detail, hour,
                                       value, partition)
               SELECT *, $9 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
                                        $6::text[], $7::timestamptz[], $8::numeric[])
               ON CONFLICT (workspace, journey, hour, step, variant, name, detail, partition)
               DO UPDATE SET value = h.value + excluded.value""",
            *(list(column) for column in zip(*(key.label for key in hours), strict=True)),
            [key.hour for key in hours],
            [tally.hours[key] for key in hours],
            partition,
        )
    labels = sorted(tally.gained.keys() | tally.lost.keys())
    if labels:
        await connection.execute(
            """INSERT INTO counters AS c (workspace, journey, step, variant, name, detail,
                                          gained, lost, partition)
               SELECT *, $9 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
                                        $6::text[], $7::numeric[], $8::numeric[])
               ON CONFLICT (workspace, journey, step, variant, name, detail, partition)
               DO UPDATE SET gained = c.gained + excluded.gained, lost = c.lost + excluded.lost""",
            *(list(column) for column in zip(*labels, strict=True)),
            [tally.gained.get(label, 0) for label in labels],
            [tally.lost.get(label, 0) for label in labels],
            partition,
        )
