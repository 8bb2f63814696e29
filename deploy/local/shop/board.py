"""What the demo shows while it runs, read from Tuvi's own reports."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
from rich.console import Group
from rich.table import Table

from deploy.local.shop.evidence import Json

WON_BACK = ("abandoned-cart", "win-back")
SERVICES = ("ingest", "segmenter", "orchestrator", "sender", "metrics")


@dataclass
class Numbers:
    """The newest answers of metrics."""

    overview: Json = field(default_factory=dict)
    reports: Json = field(default_factory=lambda: {"journeys": []})

    @property
    def events(self) -> int:
        return int(self.overview.get("events", 0))

    def headline(self) -> list[tuple[str, str]]:
        """Name and number, in the order of the way of an event."""
        totals = [journey["totals"] for journey in self.reports["journeys"]]
        mails = {
            name: sum(one[name] for one in totals)
            for name in ("sent", "delivered", "unsubscribed", "converted")
        }
        human = {name: sum(t[name]["human"] for t in totals) for name in ("opened", "clicked")}
        won = [j["totals"] for j in self.reports["journeys"] if j["journey"] in WON_BACK]
        runs = sum(journey["entered"] for journey in self.reports["journeys"])
        return [
            ("events in", f"{self.events:,}"),
            ("contacts", f"{self.overview.get('contacts', 0):,}"),
            ("runs", f"{runs:,}"),
            ("mails sent", f"{mails['sent']:,}"),
            ("delivered", f"{mails['delivered']:,}"),
            ("opened", f"{human['opened']:,}"),
            ("clicked", f"{human['clicked']:,}"),
            ("orders won back", f"{sum(one['converted'] for one in won):,}"),
        ]


class Board:
    """Reads metrics; `key` may read reports."""

    def __init__(self, session: aiohttp.ClientSession, urls: dict[str, str], key: str) -> None:
        self._session, self._urls = session, urls
        self._headers = {"Authorization": f"Bearer {key}"}
        self.numbers = Numbers()

    async def look(self) -> Numbers:
        overview = await self._get("/v1/reports/overview")
        reports = await self._get("/v1/reports/journeys")
        self.numbers = Numbers(overview, reports)
        return self.numbers

    async def scrape(self, service: str) -> str:
        async with self._session.get(self._urls[service] + "/metrics") as answer:
            answer.raise_for_status()
            return await answer.text()

    async def _get(self, path: str) -> Json:
        url = self._urls["metrics"] + path
        async with self._session.get(url, headers=self._headers) as answer:
            answer.raise_for_status()
            return dict(await answer.json())


def table(numbers: Numbers, now: datetime, doing: str) -> Group:
    """The live table: the headline, then each journey's funnel."""
    head = Table(title=f"{now:%a %d %b %Y %H:%M} UTC in the shop · {doing}", expand=True)
    for name, _ in numbers.headline():
        head.add_column(name, justify="right")
    head.add_row(*(value for _, value in numbers.headline()))
    return Group(head, funnel(numbers.reports))


def funnel(reports: Json) -> Table:
    """A row a step: how many reached it, and what became of its mails."""
    found = Table(expand=True)
    found.add_column("journey")
    found.add_column("step")
    for name in ("reached", "sent", "delivered", "opened", "clicked", "won", "open", "click"):
        found.add_column(name, justify="right")
    for journey in reports["journeys"]:
        found.add_row(f"[bold]{journey['journey']}", "entered", str(journey["entered"]))
        for row in _steps(journey):
            found.add_row("", *row)
        left = ", ".join(f"{n} {why}" for why, n in sorted(journey["exited"].items()) if n)
        found.add_row("", f"[dim]left: {left or 'nobody yet'}", end_section=True)
    return found


def _steps(journey: Json) -> Iterator[list[str]]:
    for one in journey["steps"]:
        name = one["step"] + (f" · {one['variant']}" if one["variant"] else "")
        counts = (one["reached"], one["sent"], one["delivered"])
        human = (one["opened"]["human"], one["clicked"]["human"], one["converted"])
        rates = (one["rates"][name]["value"] for name in ("open", "click"))
        shown = ["" if rate is None else f"{float(rate):.0%}" for rate in rates]
        yield [name, *map(str, (*counts, *human)), *shown]


def line(numbers: Numbers, now: datetime, doing: str) -> str:
    """The same in one line, where there is no terminal."""
    told = ", ".join(f"{value} {name}" for name, value in numbers.headline())
    return f"{now:%a %d %b %H:%M}  {doing}: {told}"
