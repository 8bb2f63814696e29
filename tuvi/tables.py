"""What a command lists, as a table for people."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tuvi.visible import visible_lines

WIDEST = 1000  # columns: a terminal wraps what is too long, and a word stays a word
Row = Mapping[str, Any]


def show(rows: Sequence[Row], *, none: str, over: str = "") -> None:
    """A column for each field that a row has something in. Times are said in UTC.

    `none`: what is said when there are no rows. `over`: the field of rows that are over.
    """
    if not rows:
        typer.echo(none, err=True)
        return
    table = Table(box=None, pad_edge=False)
    names = [name for name in rows[0] if any(shown(row[name]) for row in rows)]
    for name in names:
        table.add_column(name, no_wrap=True)
    for row in rows:
        cells = (Text(shown(row[name])) for name in names)
        table.add_row(*cells, style="dim" if row.get(over) else "")
    Console(width=WIDEST, file=sys.stdout).print(table)


def shown(value: Any) -> str:
    """A cell."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, list):
        return visible_lines("\n".join(map(str, value)))
    return "" if value is None else visible_lines(str(value))
