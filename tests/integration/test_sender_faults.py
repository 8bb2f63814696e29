"""Sent once: a faulty SES, a killed dispatcher, one that was stopped, a feed that stands still."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.ports import claim
from services.sender.adapters.account import Account
from services.sender.claims import Claim, Claims
from shared.clock import ProcessClock
from shared.db.pool import create_pool
from shared.definitions import Registry
from tests.integration.sender_world import World, publish_templates, until, world

SETTINGS = {"TUVI_LEASE": "4", "TUVI_GRACE": "1", "TUVI_FEED_LIMIT": "2"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    kafka: str, database: str, topic_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    home: Path = tmp_path_factory.mktemp("ses")
    async with world(kafka, database, topic_prefix, home) as made:
        made.start(**SETTINGS)
        await made.ready()
        await publish_templates(made)
        yield made
        await asyncio.to_thread(made.stop)


@pytest_asyncio.fixture
async def shop(running: World) -> AsyncIterator[World]:
    """Without the faults of the test before."""
    yield running
    await running.faults()
    await running.db.execute("UPDATE sender.dispatch SET factor = 1, blocked_until = NULL")


async def test_an_answer_that_was_lost_is_settled_by_the_notification(shop: World) -> None:
    await shop.faults(next={"close_after": 1})
    await shop.contacts(["lena"])
    await shop.send(["lena"])
    await shop.becomes("lena", "ambiguous")
    await until(lambda: _held(shop, "lena"))
    [mail] = await shop.mails_to("lena")
    await shop.notify("lena", "Sent", provider_id=mail["id"])
    assert (await shop.becomes("lena", "sent"))["provider_id"] == mail["id"]
    assert len(await shop.mails_to("lena")) == 1


async def _held(shop: World, name: str) -> bool:
    row = await shop.message(name)
    return row is not None and row["held"]


async def test_marketing_that_may_have_gone_is_held_until_a_person_settles_it(shop: World) -> None:
    await shop.faults(next={"error_before": 1})
    await shop.contacts(["mona"])
    await shop.send(["mona"])
    await until(lambda: _held(shop, "mona"))
    _, body = await shop.api("GET", "/v1/messages?status=ambiguous")
    assert [m["message"] for m in body["items"]] == ["mona-1"]
    await shop.api("POST", "/v1/messages/mona-1/settle", {"outcome": "not_sent"})
    await shop.becomes("mona", "sent")
    assert len(await shop.mails_to("mona")) == 1
    status, _ = await shop.api("POST", "/v1/messages/mona-1/settle", {"outcome": "not_sent"})
    assert status == 409


async def test_transactional_mail_that_may_have_gone_goes_again_after_the_grace(
    shop: World,
) -> None:
    await shop.faults(next={"error_before": 1})
    await shop.contacts(["tove"])
    await shop.send(["tove"], template="receipt", transactional=True, topic="orders")
    assert (await shop.becomes("tove", "sent"))["attempts"] == 2
    assert len(await shop.mails_to("tove")) == 1


async def test_too_fast_it_backs_off_and_sends_once(shop: World) -> None:
    names = [f"busy{i}" for i in range(30)]
    await shop.faults(next={"throttle": 5})
    await shop.contacts(names)
    await shop.send(names)
    await until(_all(shop, "busy%", {"sent": 30}))
    mails = [mail["to"][0] for mail in await shop.accepted() if "busy" in mail["to"][0]]
    assert len(mails) == len(set(mails)) == 30
    assert await shop.db.fetchval("SELECT factor FROM sender.dispatch") < 1
    assert max([row["attempts"] for row in await _rows(shop, "busy%")]) > 1


async def _rows(shop: World, like: str) -> list[dict[str, int]]:
    rows = await shop.db.fetch("SELECT * FROM sender.messages WHERE contact LIKE $1", like)
    return [dict(row) for row in rows]


def _all(shop: World, like: str, wanted: dict[str, int]) -> Callable[[], Awaitable[bool]]:
    async def so() -> bool:
        return await shop.statuses(like) == wanted

    return so


async def test_a_faulty_ses_sends_nobody_a_second_mail(shop: World) -> None:
    names = [f"faulty{i}" for i in range(200)]
    rates = {"error_before": 0.05, "close_before": 0.05, "throttle": 0.05}
    await shop.faults(seed=7, rates={**rates, "error_after": 0.05, "close_after": 0.05})
    await shop.contacts(names)
    await shop.send(names)
    await _settle_all(shop, "faulty%", 200)
    await _each_once(shop, names)


async def _each_once(shop: World, names: list[str]) -> None:
    mails = [mail["to"][0] for mail in await shop.accepted()]
    counted = {name: mails.count(f"{name}@example.com") for name in names}
    assert {name: n for name, n in counted.items() if n != 1} == {}


async def _settle_all(shop: World, like: str, wanted: int) -> None:
    """As ingest and an operator: SES's notifications, then a person's word for what has none."""
    notified: set[str] = set()

    async def so() -> bool:
        for mail in await shop.accepted():
            if mail["id"] not in notified:
                notified.add(mail["id"])
                name = mail["tags"]["contact"]
                await shop.notify(name, "Sent", provider_id=mail["id"])
        rows = await shop.db.fetch(
            "SELECT message, contact FROM sender.messages WHERE held AND contact LIKE $1", like
        )
        known = {mail["tags"]["contact"] for mail in await shop.accepted()}
        for row in rows:
            if row["contact"] not in known:
                await shop.faults()
                path = f"/v1/messages/{row['message']}/settle"
                await shop.api("POST", path, {"outcome": "not_sent"})
        return await shop.statuses(like) == {"sent": wanted}

    try:
        await until(so, 60)
    except TimeoutError:
        raise AssertionError(await shop.statuses(like)) from None


async def test_two_replicas_share_the_work_and_nobody_gets_it_twice(shop: World) -> None:
    names = [f"both{i}" for i in range(300)]
    second = shop.start(**SETTINGS, TUVI_PORT=str(claim("sender", 0)))
    await shop.contacts(names)
    await shop.send(names)
    await until(_all(shop, "both%", {"sent": 300}), 60)
    await _each_once(shop, names)
    second.terminate()
    await asyncio.to_thread(second.wait, 20)
    shop.processes.remove(second)


async def test_a_dispatcher_that_is_killed_sends_nobody_twice_and_loses_nobody(shop: World) -> None:
    names = [f"kill{i}" for i in range(400)]
    [first] = shop.processes
    await shop.contacts(names)
    await shop.send(names)

    async def in_the_middle() -> bool:
        found = await shop.statuses("kill%")
        return found.get("sending", 0) > 0 and found.get("sent", 0) > 20

    async with asyncio.timeout(30):
        while not await in_the_middle():
            await asyncio.sleep(0)
    first.send_signal(signal.SIGKILL)
    first.wait()
    shop.processes.clear()
    left = await shop.statuses("kill%")
    assert left["sent"] < 400
    assert left.get("sending", 0) + left.get("claimed", 0) > 0  # work was in flight
    shop.start(**SETTINGS)
    await shop.ready()
    await _settle_all(shop, "kill%", 400)
    await _each_once(shop, names)


async def _read_once(shop: World) -> Registry:
    """It does not hear of what is defined later."""
    registry = Registry(shop.kafka, shop.prefix)
    reading = asyncio.create_task(registry.run())
    await registry.ready.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return registry


async def test_who_was_stopped_and_comes_back_does_not_send(shop: World) -> None:
    """The journey is paused for the process, so its messages are left to the test's own claims."""
    registry = await _read_once(shop)
    await shop.define("journey", "stopped", status="paused")
    await shop.contacts(["zoe"])
    await shop.send(["zoe"], journey="stopped")
    await shop.becomes("zoe", "queued")
    pool = await create_pool(shop.dsn, "sender")
    clock = ProcessClock(pool)
    await clock.start()
    stopped = Claims(pool, clock, registry, lease=0.0)
    [left] = await stopped.take(10, marketing=True)
    other = Claims(pool, clock, registry, lease=60)
    claims: list[Claim] = []
    async with asyncio.timeout(20):  # the process frees what was left lying
        while not claims:
            claims = await other.take(10, marketing=True)
    assert [again.key for again in claims] == [left.key]
    assert await stopped.start([left], marketing=True) == []
    assert await other.start(claims, marketing=True) == claims
    assert await other.start(claims, marketing=True) == []
    await pool.close()


async def test_marketing_stands_still_while_unsubscribes_are_not_read(shop: World) -> None:
    async with shop.db.transaction():
        await shop.db.execute("SELECT * FROM sender.ownership WHERE stage = 'feedback' FOR UPDATE")
        await shop.notify("stina", "Unsubscribed", message="stina-0", source="link")
        await until(lambda: _gauge_over(shop, "tuvi_feedback_age_seconds", 2.0))
        await shop.contacts(["stina", "stig"])
        await shop.send(["stina"])
        await shop.send(["stig"], template="receipt", transactional=True, topic="orders")
        await shop.becomes("stig", "sent")
        await shop.becomes("stina", "queued")
    row = await shop.becomes("stina", "skipped")
    assert row["reason"] == "unsubscribed"


async def _gauge_over(shop: World, name: str, limit: float) -> bool:
    async with shop.http.get(shop.url("/metrics")) as response:
        lines = (await response.text()).splitlines()
    return any(float(li.split()[1]) > limit for li in lines if li.startswith(f"{name} "))


async def test_an_account_that_must_not_send_loses_nothing(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    await shop.account(sending_enabled=False)
    await shop.contacts(["ada"])
    await shop.send(["ada"])
    await until(lambda: _gauge_over(shop, "tuvi_provider_blocked", 0.5))
    await shop.becomes("ada", "queued")
    assert await shop.mails_to("ada") == []
    await shop.account(sending_enabled=True)
    pool = await create_pool(shop.dsn, "sender")
    account = Account(pool, shop.ses, "eu-west-1")
    await account.look()
    await pool.close()
    await shop.becomes("ada", "sent")


async def test_a_restored_database_sends_nothing_until_somebody_says_so(shop: World) -> None:
    await shop.db.execute("UPDATE sender.dispatch SET timeline = timeline - 1")
    await shop.contacts(["rosa"])
    await shop.send(["rosa"])
    await shop.becomes("rosa", "queued")

    async def said() -> bool:
        _, body = await shop.api("GET", "/v1/dispatch")
        return not body["enabled"] and "restored" in body["off_because"]

    await until(said)
    assert await shop.mails_to("rosa") == []
    await shop.switch("resume")
    await shop.becomes("rosa", "sent")
