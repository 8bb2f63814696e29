"""The days of a demo on a platform that is up: import, five days of life, standstill, evidence."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import aiohttp
import asyncpg
from rich.console import Console, RenderableType

from deploy.local.platform import STARTER, Platform
from deploy.local.ports import Ports
from deploy.local.screen import Screen
from deploy.local.ses.clock import LineClock
from deploy.local.shop.board import SERVICES, Board, line, table
from deploy.local.shop.cast import FULL, Plan, plan
from deploy.local.shop.check import LEFT, REACHED
from deploy.local.shop.door import Door
from deploy.local.shop.evidence import Evidence
from deploy.local.shop.life import Life
from deploy.local.shop.log import ShopLog
from deploy.local.shop.post_office import PostOffice
from deploy.local.shop.reader import Readers
from deploy.local.walks import walks

BEGIN = datetime(2026, 3, 2, 6, tzinfo=UTC)  # a Monday; always the same, so that runs compare
CLOCK_SEEN = 2.0  # seconds; every process reads the stored clock each second
STILL = 3.0  # seconds without any change: the exporter looks every two
PATIENCE = 90.0  # seconds; if the numbers do not come to rest, the check will say what is missing
LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Setting:
    """`minutes` on the wall at `speed`; `people` have a history; `reached`, `left`: see check."""

    minutes: float = 3.0
    speed: float = 2400.0
    seed: int = 7
    keep: bool = False
    people: int = FULL
    reached: int = REACHED
    left: int = LEFT
    home: Path = Path(".tuvi/demo")
    ports: Ports = field(default_factory=Ports.from_environment)

    def plan(self) -> Plan:
        days = self.minutes * 60 * self.speed / timedelta(days=1).total_seconds()
        return plan(seed=self.seed, people=self.people, begin=BEGIN, days=days)


class Days:
    """One run on a platform that is up."""

    def __init__(self, platform: Platform, setting: Setting, console: Console) -> None:
        self._platform, self._setting, self._console = platform, setting, console
        self._plan = setting.plan()
        self._clock = LineClock(datetime.now(UTC), BEGIN, 0.0)
        self._doing = "importing the history"

    async def live(self) -> Evidence:
        """Until the numbers stand still."""
        urls, keys = self._platform.urls, self._platform.keys
        with ShopLog(self._setting.home / "shop.jsonl") as log:
            async with aiohttp.ClientSession() as session:
                self._board = Board(session, urls, keys["write"])
                self._office = PostOffice(session, urls["ses"], log)
                self._door = Door(session, urls["ingest"], keys["write_events"], keys["write"], log)
                self._log = log
                with Screen(self._console, self._table, self._line) as screen:
                    through = asyncio.create_task(self._through())
                    showing = asyncio.create_task(self._show(screen))
                    try:
                        await asyncio.wait({through, showing}, return_when="FIRST_COMPLETED")
                        return through.result() if through.done() else await showing
                    finally:
                        through.cancel()
                        showing.cancel()
                        await asyncio.gather(through, showing, return_exceptions=True)
                        screen.refresh()

    async def _through(self) -> Evidence:
        began = time.monotonic()
        await self._door.bring(self._plan.history)
        await self._all_counted()
        self._log.phase("imported", BEGIN, seconds=round(time.monotonic() - began, 1))
        await self._turn_clock(BEGIN, self._setting.speed)
        await self._office.read()
        self._log.phase("lives", self._clock(), mails=len(self._office.messages))
        await asyncio.sleep(CLOCK_SEEN)
        self._doing = "the shop lives on"
        await self._life().live(self._clock, self._setting.speed)
        self._doing = "waiting for the numbers to stand still"
        ahead = timedelta(seconds=CLOCK_SEEN * self._setting.speed)  # no process may go back
        await self._turn_clock(self._clock() + ahead, 0.0)
        await asyncio.sleep(CLOCK_SEEN)
        await self._come_to_rest()
        self._log.phase("ends", self._clock())
        return await self._evidence()

    def _life(self) -> Life:
        people = {c[0].person.email: c[0].person for c in self._plan.history}
        people |= {call.person.email: call.person for call in self._plan.live}
        buyers = {
            c.person.user_id for c in self._plan.live if c.body.get("event") == "Order Completed"
        }
        readers = Readers(self._setting.seed, people, buyers)
        return Life(self._plan, self._door, self._office, readers)

    def _accepted(self) -> int:
        entries = (e for e in self._log.entries if e["kind"] == "event")
        return len({e["message_id"] for e in entries if e["status"] == 200})  # noqa: PLR2004

    async def _all_counted(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while (await self._board.look()).events < self._accepted():
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(LOOK)

    async def _come_to_rest(self) -> None:
        """Until nothing has changed for a while and SES has told all it knows."""
        deadline = time.monotonic() + PATIENCE
        since, seen = time.monotonic(), ""
        while time.monotonic() < deadline and time.monotonic() - since < STILL:
            await asyncio.sleep(LOOK)
            now = await self._standing()
            if now != seen:
                since, seen = time.monotonic(), now

    async def _standing(self) -> str:
        """All numbers, so that two looks can be compared; never equal while work is known of."""
        numbers, stats = await self._board.look(), await self._office.stats()
        shown = [
            text
            for text in (await self._board.scrape("metrics")).splitlines()
            if text.startswith(("tuvi_messages", "tuvi_journey", "tuvi_store", "tuvi_revenue"))
        ]
        at_work = stats["notifications_pending"] or numbers.events < self._accepted()
        return repr(
            (
                time.monotonic() if at_work else 0,
                numbers.reports["journeys"],
                stats["accepted"],
                stats["events"],
                shown,
            )
        )

    async def _evidence(self) -> Evidence:
        await self._office.read()
        numbers = await self._board.look()
        return Evidence(
            shop=self._log.entries,
            messages=self._office.messages,
            events=self._office.events,
            reports=numbers.reports,
            overview=numbers.overview,
            scrapes={service: await self._board.scrape(service) for service in SERVICES},
            journeys=walks(STARTER / "journeys"),
            speed=self._setting.speed,
        )

    async def _turn_clock(self, business: datetime, speed: float) -> None:
        """Business time is `business` from now on and runs at `speed`, for everybody."""
        connection = await asyncpg.connect(self._platform.admin_dsn)
        try:
            self._clock.set(business, speed)
            await connection.execute(
                "UPDATE installation.clock SET origin_wall = $1, origin_business = $2, speed = $3",
                self._clock.origin_wall,
                business,
                speed,
            )
        finally:
            await connection.close()
        await self._office.set_clock(self._clock(), speed)

    async def _show(self, screen: Screen) -> NoReturn:
        """Ends only by StackError, when a process has ended."""
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                await self._board.look()
            self._platform.check()
            screen.refresh()
            await asyncio.sleep(LOOK)

    def _table(self) -> RenderableType:
        return table(self._board.numbers, self._clock(), self._doing)

    def _line(self) -> str:
        return line(self._board.numbers, self._clock(), self._doing)
