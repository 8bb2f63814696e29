"""The shop lives: what is due by business time is done, and people react to their mails."""

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from zlib import crc32

from deploy.local.shop.calls import Call
from deploy.local.shop.cast import Plan
from deploy.local.shop.door import Door
from deploy.local.shop.post_office import PostOffice
from deploy.local.shop.reader import Deed, Readers

TICK = 0.05  # seconds
BEHIND = 0.25
"""Seconds that the shop acts after its clock: clients post a moment after something happened, and
never from the future, however far the clocks of two processes are apart.
"""
REPEATED = 40  # one event of so many is posted twice, as clients do that missed an answer
LATEST_DEED = timedelta(minutes=30)  # before the end, so that what follows is still counted


class Life:
    """`clock` gives business time; it runs at `speed` times the wall's."""

    def __init__(self, plan: Plan, door: Door, office: PostOffice, readers: Readers) -> None:
        self._plan, self._door, self._office, self._readers = plan, door, office, readers
        self._number = count()
        self._due: list[tuple[datetime, int, Call | Deed]] = []
        self._turns: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        for call in plan.live:
            self._push(call)

    async def live(self, clock: Callable[[], datetime], speed: float) -> None:
        """Until the plan's end; returns when all that was done is answered."""
        behind = timedelta(seconds=BEHIND * speed)
        watching = asyncio.create_task(self._office.watch())
        try:
            async with asyncio.TaskGroup() as deeds:
                while (now := clock() - behind) < self._plan.end:
                    self._look_into_inboxes(now)
                    while self._due and self._due[0][0] <= now:
                        deeds.create_task(self._do(heapq.heappop(self._due)[2]))
                    await asyncio.sleep(TICK)
                    if watching.done():
                        watching.result()
        finally:
            watching.cancel()

    def _look_into_inboxes(self, now: datetime) -> None:
        for mail in self._office.arrived():
            for action in self._readers.react(mail, now):
                if action.at < self._plan.end - LATEST_DEED:
                    self._push(action)

    def _push(self, action: Call | Deed) -> None:
        heapq.heappush(self._due, (action.at, next(self._number), action))

    async def _do(self, action: Call | Deed) -> None:
        if isinstance(action, Deed):
            await self._office.do(action)
            return
        async with self._turns[action.person.number]:  # one browser posts one after the other
            await self._door.post(action)
            if crc32(action.message_id.encode()) % REPEATED == 0:
                await self._door.post(action)
