"""The SES endpoint as the shop's people see it: what was sent, what became of it, their deeds."""

import asyncio
from datetime import datetime
from typing import Any

import aiohttp

from deploy.local.shop.log import ShopLog
from deploy.local.shop.reader import Deed, Mail, mail_from

PAGE = 2000
EVERY = 0.2  # seconds between two looks
OK = 200

_ROUTES = {"open": "open", "click": "click", "complain": "complain", "unsubscribe": "unsubscribe"}


class PostOffice:
    """`messages` and `events` are the endpoint's record as far as it was read."""

    def __init__(self, session: aiohttp.ClientSession, ses: str, log: ShopLog) -> None:
        self._session, self._ses, self._log = session, ses, log
        self.messages: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self._by_id: dict[str, dict[str, Any]] = {}
        self._arrived: list[Mail] = []

    async def watch(self) -> None:
        """Read on for ever."""
        while True:
            await self.read()
            await asyncio.sleep(EVERY)

    async def read(self) -> None:
        """Up to the end of the record. Events first: their messages are then surely there."""
        events = await self._rest("events", len(self.events))
        messages = await self._rest("messages", len(self.messages))
        self.messages += messages
        self._by_id |= {message["id"]: message for message in messages}
        self.events += events
        for event in events:
            if event["type"] == "Delivery":
                at = datetime.fromisoformat(event["at"])
                self._arrived.append(mail_from(self._by_id[event["message_id"]], at))

    def arrived(self) -> list[Mail]:
        """Mails delivered since the last call."""
        found, self._arrived = self._arrived, []
        return found

    async def do(self, deed: Deed) -> None:
        """Open, click, complain; an unsubscribe is a one-click POST by the mailbox provider."""
        url = f"{self._ses}/inbox/{deed.mail}/{_ROUTES[deed.did]}"
        body = {"user_agent": deed.user_agent, "at": deed.at.isoformat()}
        if deed.link:
            body["link"] = deed.link
        async with self._session.post(url, json=body) as response:
            status = response.status
            if deed.did == "unsubscribe":
                status = (await response.json()).get("status", status)
        self._log.did(deed, status)

    async def stats(self) -> dict[str, Any]:
        async with self._session.get(f"{self._ses}/admin/stats") as response:
            return dict(await response.json())

    async def set_clock(self, business: datetime, speed: float) -> None:
        body = {"business": business.isoformat(), "speed": speed}
        async with self._session.put(f"{self._ses}/admin/clock", json=body) as response:
            response.raise_for_status()

    async def _rest(self, what: str, after: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            url = f"{self._ses}/admin/{what}?after={after + len(found)}&limit={PAGE}"
            async with self._session.get(url) as response:
                response.raise_for_status()
                items = (await response.json())["items"]
            found += items
            if len(items) < PAGE:
                return found
