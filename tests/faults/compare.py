"""What two runs of one story must have in common: every business column, and all that SES took."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.faults.place import Place

SCHEMAS = ("installation", "ingest", "segmenter", "orchestrator", "sender", "metrics")

EXCLUDED: Mapping[str, str | Mapping[str, str]] = {
    # whole tables
    "installation.keys": "made for each run",
    "installation.clock": "its wall time; business time is what all other columns are compared by",
    "*.alembic_version": "of the code",
    "*.outbox": "what was published goes with the next batch; unpublished rows are asserted apart",
    "sender.dispatch": "the rate's bucket, in wall time",
    # columns
    "*.ownership": {
        "epoch": "rises with every assignment",
        "batch": "rises with every commit",
        "positions": "count repeats in Kafka too, which consumers drop",
        "sources": "have batch numbers in them",
    },
    "orchestrator.decisions": {"seq": "order between contacts; the decisions are compared"},
    "sender.messages": {
        "started_at": "wall time of the call to SES",
        "attempts": "counts calls that were given up before they were written, on a slow machine",
        "ambiguities": "counts calls whose answer a kill has lost",
    },
    "metrics.counters": {"number": "which label was first, between contacts"},
    "metrics.facts": {"noted_on": "wall date"},
}
PROVIDER_ID = re.compile(r"0102[0-9a-f]{12}-[0-9a-f-]{36}-000000")

Table = list[tuple[str, ...]]


def excluded(schema: str, table: str) -> tuple[bool, set[str]]:
    """(the whole table, its columns)."""
    found = [EXCLUDED.get(f"{s}.{table}") for s in (schema, "*")]
    whole = any(isinstance(reason, str) for reason in found)
    return whole, {name for columns in found if isinstance(columns, Mapping) for name in columns}


async def business_columns(place: Place) -> dict[str, Table]:
    """By table: its rows in order, a text for each column; SES's own ids made the same."""
    rows = await place.db.fetch(
        """SELECT c.table_schema AS schema, c.table_name AS table, array_agg(
                  c.column_name::text ORDER BY c.ordinal_position) AS columns
           FROM information_schema.columns c
           JOIN pg_class p ON p.oid = format('%I.%I', c.table_schema, c.table_name)::regclass
           WHERE c.table_schema = ANY($1::text[]) AND p.relkind IN ('r', 'p')
             AND NOT p.relispartition GROUP BY 1, 2 ORDER BY 1, 2""",
        list(SCHEMAS),
    )
    found: dict[str, Table] = {}
    for row in rows:
        whole, without = excluded(row["schema"], row["table"])
        if not whole:
            name = f"{row['schema']}.{row['table']}"
            columns = [column for column in row["columns"] if column not in without]
            found[name] = await _rows(place, name, columns)
    return found


async def _rows(place: Place, table: str, columns: list[str]) -> Table:
    texts = ", ".join(f"{table}.{column}::text" for column in columns)
    if table == "sender.commands":
        texts = "workspace, message, convert_from(body, 'UTF8')::jsonb::text"
    rows = await place.db.fetch(f"SELECT {texts} FROM {table}")
    same = [tuple(PROVIDER_ID.sub("id of SES", text or "") for text in row) for row in rows]
    return sorted(same)


async def ses_record(place: Place) -> list[str]:
    """Each mail as SES took it, without SES's own id, number and wall time."""
    own = {"seq", "id", "wall"}
    mails: list[dict[str, Any]] = await place.mails()
    return sorted(json.dumps({k: v for k, v in m.items() if k not in own}) for m in mails)


def difference(name: str, ours: Table, theirs: Table) -> str:
    """The first rows that only one of them has; empty if they are equal."""
    if ours == theirs:
        return ""
    only = [sorted(set(a) - set(b)) for a, b in ((ours, theirs), (theirs, ours))]
    shown = [f"{len(rows)}: " + "\n    ".join(map(str, rows[:3])) for rows in only]
    return (
        f"{name}: {len(ours)} and {len(theirs)} rows; only here {shown[0]}\n  only there {shown[1]}"
    )
