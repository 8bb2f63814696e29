"""`tuvi events tail` on real services: what was posted to ingest, and what came of it.

Ingest runs in this process, the other services in their own, business time is the wall's.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from deploy.local.platform import SES_CREDENTIALS, SHOP
from deploy.local.ports import claim
from shared.keys import create_key
from tests.integration.ingest_place import TOKEN_KEYS, Place, place
from tests.integration.sender_world import SOURCE, ses_endpoint
from tuvi import outcomes
from tuvi.client import Client

PATIENCE = 40.0
JOURNEYS: dict[str, dict[str, Any]] = {
    "abandoned-cart": {
        "trigger": {"quiet": ["Product Added"], "for": "1h", "key": ["cart_id"]},
        "topic": "reminders",
        "reentry": "per_key",
        "exit_when": [{"event": "Order Completed", "match": "key", "if_missing": "exit"}],
    },
    "thanks": {
        "trigger": {
            "event": "Order Completed",
            "where": {"total": {"gte": 100, "currency": "EUR"}},
        },
        "topic": "reminders",
        "reentry": "every_time",
    },
    "asked": {"trigger": {"event": "Asked"}, "topic": "reminders", "reentry": "once"},
    "spender": {
        "trigger": {"segment": "buyers", "on": "entered"},
        "topic": "reminders",
        "reentry": "once",
    },
}
READABLE = {
    "segmenter": "/v1/segments",
    "orchestrator": "/v1/journeys",
    "sender": "/v1/templates",
}
MAIL = SOURCE.replace("topic: marketing", "topic: reminders")
ORDER = {"order_id": "o-1", "total": 5, "currency": "EUR"}


@dataclass
class Shop:
    ingest: Place
    urls: dict[str, str]
    number: int = 0

    async def calls(self, user: str, **call: Any) -> str:
        """Posts one call; gives its messageId."""
        self.number += 1
        message_id = call.pop("messageId", f"{user}-{self.number}")
        kind = "track" if "event" in call else "identify"
        body = {"type": kind, "userId": user, "messageId": message_id, **call}
        await self.ingest.post("/v1/batch", {"batch": [body]})
        return str(message_id)

    async def tail(self, *options: str, key: str = "") -> str:
        """What the command prints."""
        urls = ",".join(f"{name}={url}" for name, url in self.urls.items())
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tuvi.cli", "events", "tail", *options),
            env={**os.environ, "TUVI_URLS": urls, "TUVI_KEY": key or self.ingest.admin},
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode == 0
        return printed.decode()

    async def told(self, message_id: str) -> dict[str, Any]:
        """The newest event with this id, with its outcomes."""
        client = Client("", self.ingest.admin, self.urls)
        page = await asyncio.to_thread(
            client.request, "ingest", "GET", "/v1/events", None, message_id=message_id
        )
        await asyncio.to_thread(outcomes.note, client, page["items"])
        found: dict[str, Any] = page["items"][0]
        return found

    async def request(
        self, service: str, method: str, path: str, body: Any = None, key: str = ""
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key or self.ingest.admin}"}
        url = self.urls[service] + path
        async with self.ingest.session.request(method, url, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)


@pytest.fixture(scope="module")
def ses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ses_endpoint(tmp_path_factory.mktemp("ses")) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(database: str, kafka: str, topic_prefix: str, ses: str) -> AsyncIterator[Shop]:
    async with place(database, kafka, topic_prefix) as ingest, AsyncExitStack() as stack:
        urls = {"ingest": ingest.url}
        for service in ("segmenter", "orchestrator", "sender"):
            port = claim(service, 0)
            urls[service] = f"http://127.0.0.1:{port}"
            settings = {
                "TUVI_KAFKA": kafka,
                "TUVI_DSN": database.replace("postgres@", f"tuvi_{service}@"),
                "TUVI_TOPIC_PREFIX": topic_prefix,
                "TUVI_PORT": str(port),
                "TUVI_PROGRESS_INTERVAL": "0.1",
                "TUVI_TOKEN_KEYS": TOKEN_KEYS[0],
                "TUVI_SES_ENDPOINT": ses,
                **SES_CREDENTIALS,
                **SHOP,
            }
            await stack.enter_async_context(serving(service, settings))
        shop = Shop(ingest, urls)
        await asyncio.gather(*(answers(shop, service) for service in urls))
        await publish(shop)
        yield shop


@asynccontextmanager
async def serving(service: str, settings: dict[str, str]) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tuvi.cli", "serve", service), env={**os.environ, **settings}
    )
    try:
        yield
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def answers(shop: Shop, service: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(aiohttp.ClientConnectionError):
                if (await shop.request(service, "GET", "/readyz"))[0] == 200:
                    return
            await asyncio.sleep(0.05)


async def publish(shop: Shop) -> None:
    """The definitions, and wait until an event is answered under them."""
    buyers = {"segment": "buyers", "who": {"event": "Bought", "count": {"gte": 1}}}
    assert (await shop.request("segmenter", "PUT", "/v1/segments/buyers", buyers))[0] == 200
    status, answer = await shop.request("sender", "PUT", "/v1/templates/mail", {"text": MAIL})
    assert status == 200, answer
    for name, journey in JOURNEYS.items():
        steps = [{"id": "mail", "send": "mail"}]
        body = {"journey": name, **journey, "steps": steps}
        status, answer = await shop.request("orchestrator", "POST", "/v1/journeys", body)
        assert status == 201, answer
    async with asyncio.timeout(PATIENCE):
        while True:
            told = await shop.told(await shop.calls("probe", event="Bought"))
            if told["segmenter"]["entered"] and told["orchestrator"]["listening"]:
                return


async def test_a_shop_sees_what_came_of_each_event(shop: Shop) -> None:
    await shop.calls("u-7", event="Product Added", properties={"cart_id": "c-1"})
    await shop.calls("u-7", event="Order Completed", properties={"order_id": "o-1", "total": 5})
    await shop.calls("u-7", event="product added")

    printed = await shop.tail("--limit", "3", "--via", shop.ingest.key[:14])
    lines = [line.strip() for line in printed.splitlines()]

    assert "accepted  track Product Added  user u-7  via tuvi_wk_" in lines[0]
    assert lines[1].startswith("→ contact c_")
    assert lines[1].endswith("; now in no segment")
    assert lines[2].startswith("→ abandoned-cart: waits until ")
    assert "refused   track Order Completed  via tuvi_wk_" in lines[3]
    assert lines[4].startswith("properties.currency: is missing")
    assert "accepted  track product added" in lines[5]
    assert lines[7] == (
        "→ no running journey is triggered by 'product added'; did you mean 'Product Added'?"
    )
    assert len(lines) == 8


async def test_who_enters_a_segment_and_is_refused_by_its_journey_is_told_why(shop: Shop) -> None:
    told = await shop.told(await shop.calls("buyer", event="Bought"))

    assert told["segmenter"]["state"] == "processed"
    assert told["segmenter"]["entered"] == told["segmenter"]["segments"] == ["buyers"]
    assert told["orchestrator"]["listening"] == ["spender"]
    [one] = told["orchestrator"]["journeys"]
    assert (one["journey"], one["what"], one["reason"]) == ("spender", "decided", "missing_email")
    assert "has no e-mail address" in one["words"]


async def test_an_event_that_is_not_what_the_trigger_asks_for_is_told_so(shop: Shop) -> None:
    told = await shop.told(await shop.calls("small", event="Order Completed", properties=ORDER))

    by = {one["journey"]: one for one in told["orchestrator"]["journeys"]}
    assert by["thanks"]["what"] == "silent"
    assert "`where`" in by["thanks"]["words"]


async def test_who_enters_is_told_with_the_mail_that_is_asked_for(shop: Shop) -> None:
    consent = {"reminders": {"state": "subscribed", "source": "checkout"}}
    await shop.calls("asker", traits={"email": "asker@example.com", "consent": consent})
    first = await shop.told(await shop.calls("asker", event="Asked"))
    again = await shop.told(await shop.calls("asker", event="Asked"))

    words = [one["words"] for one in first["orchestrator"]["journeys"]]
    assert words[0].startswith("entered, started by asker-")
    assert words[1].startswith("step mail: asks for the mail mail (m_")
    [refused] = again["orchestrator"]["journeys"]
    assert refused["reason"] in ("already_inside", "already_entered")
    [mail] = first["sender"]["mails"]
    assert (mail["journey"], mail["status"]) == ("asked", "sent")
    printed = await shop.tail("--user-id", "asker", "--name", "Asked")
    assert f"→ asked: step mail: the mail mail ({mail['message']}) was sent 20" in printed


async def test_a_mail_that_nobody_sends_is_told_with_why(shop: Shop, database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        operator = await create_key(connection, "default", "operate")
    finally:
        await connection.close()
    consent = {"reminders": {"state": "subscribed", "source": "checkout"}}
    await shop.calls("waiter", traits={"email": "waiter@example.com", "consent": consent})
    async with asyncio.timeout(PATIENCE):  # a new key is known within seconds
        while (await shop.request("sender", "POST", "/v1/dispatch/pause", key=operator))[0] != 200:
            await asyncio.sleep(0.1)
    try:
        message_id = await shop.calls("waiter", event="Asked")
        [mail] = (await shop.told(message_id))["sender"]["mails"]
        assert mail["words"].endswith("is due and waits: dispatch is off: paused by an operator")
    finally:
        await shop.request("sender", "POST", "/v1/dispatch/resume", key=operator)
    [mail] = (await shop.told(message_id))["sender"]["mails"]
    assert mail["status"] == "sent"


async def test_a_repeat_is_told_with_what_came_of_the_first(shop: Shop) -> None:
    first = await shop.told(await shop.calls("twice", event="Seen", messageId="same"))
    again = await shop.told(await shop.calls("twice", event="Seen", messageId="same"))

    assert first["segmenter"]["state"] == "processed"
    assert again["received_at"] > first["received_at"]
    assert again["segmenter"] == first["segmenter"] | {"state": "repeat"}


async def test_a_stranger_who_is_known_later_is_told_as_who_it_is_now(shop: Shop) -> None:
    browsed = {"anonymousId": "a-9", "event": "Product Added", "messageId": "stranger"}
    await shop.ingest.post("/v1/track", browsed)
    before = await shop.told("stranger")
    await shop.told(await shop.calls("late", anonymousId="a-9", traits={"plan": "x"}))

    async with asyncio.timeout(PATIENCE):
        while (after := await shop.told("stranger"))["segmenter"]["was"] == "":
            pass

    assert after["segmenter"]["was"] == before["segmenter"]["contact"]
    assert after["segmenter"]["contact"] != before["segmenter"]["contact"]
    assert [one["journey"] for one in after["orchestrator"]["journeys"]] == ["abandoned-cart"]


async def test_another_workspace_learns_nothing_of_our_events(shop: Shop, database: str) -> None:
    consent = {"reminders": {"state": "subscribed", "source": "checkout"}}
    await shop.calls("ours", traits={"email": "ours@example.com", "consent": consent})
    told = await shop.told(await shop.calls("ours", event="Asked"))
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("INSERT INTO installation.workspaces VALUES ('b', 'b')")
        key = await create_key(connection, "b", "read")
    finally:
        await connection.close()
    asked = {name: told[name] for name in ("message_id", "received_at", "name", "user_id")}
    contact = told["segmenter"]["contact"]
    async with asyncio.timeout(PATIENCE):  # a new key is known within seconds
        for service, path in READABLE.items():
            while (await shop.request(service, "GET", path, key=key))[0] != 200:
                await asyncio.sleep(0.2)

    body = {"events": [asked]}
    status, answer = await shop.request("segmenter", "POST", "/v1/outcomes", body, key)
    assert (status, answer["items"][0]["state"], answer["items"][0]["contact"]) == (
        200,
        "waiting",
        "",
    )
    body = {"events": [{**asked, "contact": contact}]}
    status, answer = await shop.request("orchestrator", "POST", "/v1/outcomes", body, key)
    assert (status, answer["items"][0]["journeys"], answer["items"][0]["listening"]) == (
        200,
        [],
        [],
    )
    assert [mail["status"] for mail in told["sender"]["mails"]] == ["sent"]
    journeys = told["orchestrator"]["journeys"]
    body = {"events": [{**asked, "contact": contact, "journeys": journeys}]}
    status, answer = await shop.request("sender", "POST", "/v1/outcomes", body, key)
    assert (status, answer["items"][0]["mails"]) == (200, [])


@pytest.mark.parametrize("service", ["segmenter", "orchestrator"])
@pytest.mark.parametrize(
    "event",
    [
        {},
        {"message_id": "m\x00", "received_at": "2026-06-01T12:00:00Z", "contact": "c"},
        {"message_id": "m", "received_at": "2026-06-01T12:00:00", "contact": "c"},
        {"message_id": "m" * 500, "received_at": "2026-06-01T12:00:00Z", "contact": "c"},
    ],
)
async def test_what_is_no_event_is_refused(shop: Shop, service: str, event: dict[str, Any]) -> None:
    status, answer = await shop.request(service, "POST", "/v1/outcomes", {"events": [event]})

    assert status == 422
    assert answer["errors"][0]["field"].startswith("events.0")


async def test_what_asks_for_no_mails_is_refused(shop: Shop) -> None:
    good = {"message_id": "m", "contact": "c", "journeys": [{"journey": "asked", "run": "r"}]}
    for wrong in (
        {},
        good | {"contact": "c\x00"},
        good | {"journeys": [{"journey": "asked", "run": "r" * 500}]},
    ):
        body = {"events": [wrong]}
        status, answer = await shop.request("sender", "POST", "/v1/outcomes", body)
        assert status == 422
        assert answer["errors"][0]["field"].startswith("events.0")
    status, answer = await shop.request("sender", "POST", "/v1/outcomes", {"events": [good] * 200})
    assert (status, len(answer["items"])) == (200, 200)


@pytest.mark.parametrize("service", ["segmenter", "orchestrator"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_times_at_the_ends_of_the_calendar_are_answered(
    shop: Shop, service: str, at: str
) -> None:
    event: dict[str, Any] = {"message_id": "m" * 400, "received_at": at, "contact": "c"}
    event |= {"user_id": "ü" * 400}
    event |= {"name": "Product Added", "email": " ", "entered": ["buyers"] * 200}
    body = {"events": [event] * 200}

    status, answer = await shop.request(service, "POST", "/v1/outcomes", body)

    assert (status, len(answer["items"])) == (200, 200)


async def test_a_follower_sees_what_comes_until_it_is_told_to_stop(shop: Shop) -> None:
    urls = ",".join(f"{name}={url}" for name, url in shop.urls.items())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tuvi.cli", "events", "tail", "--follow", "--limit", "1"),
        env={**os.environ, "TUVI_URLS": urls, "TUVI_KEY": shop.ingest.admin},
        stdout=asyncio.subprocess.PIPE,
        # a shell's background jobs, and all that they start, are born deaf to Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    await shop.calls("followed", event="Followed")

    async with asyncio.timeout(PATIENCE):
        while b"track Followed  user followed" not in await process.stdout.readline():
            pass
        assert b"contact c_" in await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        await process.stdout.read()
        assert await process.wait() == 0
