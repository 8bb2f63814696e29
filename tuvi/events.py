"""`tuvi events tail`: what came last, what was refused and why, and what came of each."""

import json
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from tuvi import outcomes
from tuvi.client import Client, CommandError, from_environment
from tuvi.definitions import AsJson, Reading, Url
from tuvi.event_lines import NOTHING, Item, shown

app = typer.Typer(no_args_is_help=True)
LOOK_EVERY = 1.0  # seconds between two looks of a follower


@app.callback()
def events() -> None:
    """Makes `tail` a command of its own: there will be others."""


@app.command()
def tail(  # noqa: PLR0913  a command has as many options as it has
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until Ctrl-C.")] = False,
    via: Annotated[str, typer.Option(help="A key's prefix, shopify/main, form/newsletter.")] = "",
    refused: Annotated[bool, typer.Option("--refused", help="Only those.")] = False,
    name: Annotated[str, typer.Option(help="An event's name, such as Order Completed.")] = "",
    user_id: str = "",
    email: str = "",
    message_id: str = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200)] = 20,
    url: Url = "",
    key: Reading = "",
    as_json: AsJson = False,
) -> None:
    """The last events, accepted and refused, by which door they came and what came of each."""
    who = {"user_id": user_id, "email": email, "message_id": message_id}
    query = {"via": via, "outcome": "refused" if refused else "", "name": name, **who}
    view = View(from_environment(url, key), query, as_json=as_json)
    try:
        view.run(limit, follow=follow)
    except KeyboardInterrupt:
        raise typer.Exit from None


class View:
    """What one `tail` asks for and shows."""

    def __init__(self, client: Client, query: dict[str, str], *, as_json: bool) -> None:
        self._client, self._query, self._as_json = client, query, as_json
        self._console = Console(highlight=False, soft_wrap=True)
        self._said = ""

    def run(self, limit: int, *, follow: bool) -> None:
        """Raises CommandError when the first look fails; a follower goes on looking."""
        page = self._look(limit=str(limit))
        if not page["items"] and not self._as_json:
            self._tell(NOTHING if not any(self._query.values()) else "no such events")
        self._show(page["items"])
        if not page["complete"]:
            self._tell("there may be older ones: only the newest of all messages were looked at")
        while follow:
            if not page["more"]:
                time.sleep(LOOK_EVERY)
            page = self._next(page)

    def _next(self, page: Any) -> Any:
        try:
            page = self._look(after=page["next"], limit="200")
        except CommandError as error:
            self._warn(f"{error}; looking again")
            return page
        if page["skipped"]:
            self._tell(f"{page['skipped']} messages left out: they come faster than they are shown")
        self._show(page["items"])
        return page

    def _look(self, **where: str) -> Any:
        return self._client.request("ingest", "GET", "/v1/events", None, **self._query, **where)

    def _show(self, newest_first: list[Item]) -> None:
        items = newest_first[::-1]
        try:
            outcomes.note(self._client, items)
        except CommandError as error:
            self._warn(str(error))
        today = datetime.now(UTC).date()
        for item in items:
            if self._as_json:
                sys.stdout.write(json.dumps(item) + "\n")
                continue
            for line in shown(item, today):
                self._console.print(line)
        sys.stdout.flush()

    def _tell(self, text: str) -> None:
        typer.echo(text, err=True)

    def _warn(self, text: str) -> None:
        """Once, until something else is wrong."""
        if text != self._said:
            self._said = text
            self._tell(f"warning: {text}")
