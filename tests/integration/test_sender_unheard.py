"""With marks of SES's feed, "not sent" is concluded without a person; without them never."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from services.sender.claims import Claims
from services.sender.domain.unheard import LEAST
from services.sender.unheard import Concluding
from shared.clock import ProcessClock
from shared.contracts import FeedMark, encode, topics
from shared.db.pool import create_pool
from shared.definitions import Registry
from tests.integration.sender_world import PARTITIONS, World, publish_templates, until, world

GRACE = 1.0
SETTINGS = {"TUVI_GRACE": str(GRACE)}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(
    kafka: str, database: str, topic_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    home: Path = tmp_path_factory.mktemp("ses")
    async with world(kafka, database, topic_prefix, home) as made:
        made.start(**SETTINGS)
        await made.ready()
        await publish_templates(made)
        yield made
        await asyncio.to_thread(made.stop)


async def test_a_mail_that_the_feed_does_not_know_goes_again(shop: World) -> None:
    neighbours = [f"near{n}" for n in range(LEAST)]
    await shop.contacts([*neighbours, "lost"])
    await shop.send(neighbours)
    for name in neighbours:
        await shop.becomes(name, "sent")
    await shop.faults(next={"error_before": 1})
    await shop.send(["lost"])
    await until(lambda: held(shop, "lost"))
    started = (await message(shop, "lost"))["started_at"]
    behind = started + timedelta(seconds=GRACE + 1)

    await mark(shop, behind, fence=1)  # nobody was told of: the feed may be blind
    await passed(shop, fence=1)
    assert await held(shop, "lost")
    for fence in (2, 3):  # not behind the grace, whether or not the neighbours were told of
        await mark(shop, started, fence=fence)
        await passed(shop, fence=fence)
        assert await held(shop, "lost")
        for name in neighbours:
            await shop.notify(name, "Sent")
    await mark(shop, behind + timedelta(seconds=1), fence=1)  # who lost the lease
    await mark(shop, behind, fence=4, partitions=1)  # the others may still be on their way
    await until(lambda: one_passed(shop, fence=4))
    await concluded(shop)
    assert await held(shop, "lost")

    await mark(shop, behind, fence=4)

    assert (await shop.becomes("lost", "sent"))["attempts"] == 2
    assert len(await shop.mails_to("lost")) == 1


async def test_a_faulty_ses_is_settled_by_its_feed_alone_and_sends_nobody_a_second_mail(
    shop: World,
) -> None:
    names = [f"feed{n}" for n in range(100)]
    rates = {"error_before": 0.07, "close_before": 0.07, "error_after": 0.07, "close_after": 0.07}
    await shop.faults(seed=11, rates=rates)
    await shop.contacts(names)
    await shop.send(names)
    await until(lambda: tried(shop))
    await shop.faults()

    fence = 10
    async with asyncio.timeout(30):
        while await shop.statuses("feed%") != {"sent": 100}:
            fence += 1
            behind = datetime.now(UTC)
            for mail in await shop.accepted():  # SES tells of what it took, again and again
                await shop.notify(mail["tags"]["contact"], "Sent", provider_id=mail["id"])
            await mark(shop, behind, fence=fence)
            await passed(shop, fence)

    mails = [mail["to"][0] for mail in await shop.accepted() if "feed" in mail["to"][0]]
    assert sorted(mails) == sorted(f"{name}@example.com" for name in names)
    again = "SELECT count(*) FROM sender.messages WHERE contact LIKE 'feed%' AND attempts > 1"
    assert await shop.db.fetchval(again) > 0


async def tried(shop: World) -> bool:
    """Each call is answered or ambiguous."""
    found = await shop.statuses("feed%")
    return found.get("sent", 0) + found.get("ambiguous", 0) == 100


async def mark(shop: World, behind: datetime, *, fence: int, partitions: int = PARTITIONS) -> None:
    """As ingest says it."""
    value = encode(FeedMark(workspace="", fence=fence, until=behind))
    for partition in range(partitions):
        await shop.producer.send_and_wait(
            shop.prefix + topics.DELIVERY_EVENTS.name, value, key=b"mark", partition=partition
        )


async def passed(shop: World, fence: int) -> None:
    """The sender has read the marks; what they tell is concluded."""

    async def so() -> bool:
        rows = await shop.db.fetch("SELECT fence FROM sender.feed_marks")
        return [row["fence"] for row in rows] == [fence] * PARTITIONS

    await until(so)
    await concluded(shop)


async def one_passed(shop: World, fence: int) -> bool:
    return bool(await shop.db.fetchval("SELECT max(fence) FROM sender.feed_marks") == fence)


async def concluded(shop: World) -> None:
    """One look here, beside the sender's own: whatever can be concluded is, after it."""
    pool = await create_pool(shop.dsn, "sender", 2)
    clock = ProcessClock(pool)
    await clock.start()
    claims = Claims(pool, clock, Registry(shop.kafka, shop.prefix), 30)
    await Concluding(pool, claims, PARTITIONS, GRACE).once()
    await pool.close()


async def message(shop: World, name: str) -> dict[str, datetime]:
    row = await shop.message(name)
    assert row is not None
    return dict(row)


async def held(shop: World, name: str) -> bool:
    row = await shop.message(name)
    return row is not None and row["held"]
