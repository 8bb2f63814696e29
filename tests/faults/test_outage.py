"""Promise 4: an hour's outage reminds nobody who bought in that hour."""

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from shared.contracts import topics
from tests.faults.making import Parts, place
from tests.faults.place import NOON, Place, until
from tests.faults.story import MINUTE, added, identify, ordered, user

pytestmark = pytest.mark.timeout(240)
PEOPLE = 40
BUYERS = range(0, PEOPLE, 2)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with place(parts, tmp_path_factory.mktemp("outage")) as made:
        yield made


async def _carts_are_left(shop: Place) -> None:
    await shop.produce(
        topics.STORE_EVENTS,
        [
            identify(f"i{i}", shop.now, user(i), ["cart-reminders"], email=f"u{i}@example.com")
            for i in range(PEOPLE)
        ],
    )
    await shop.produce(
        topics.STORE_EVENTS,
        [added(f"a{i}", shop.now, f"c{i}", user(i)) for i in range(PEOPLE)],
    )


async def _goes_round(shop: Place, service: str) -> None:
    """Its loops have looked for due timers since now, more than once."""
    name, labels = "tuvi_consumer_last_progress_timestamp_seconds", f'stage="{service}"'
    seen: dict[str, set[str]] = defaultdict(set)

    async def again() -> bool:
        async with shop.http.get(shop.processes[service].url + "/metrics") as answer:
            lines = (await answer.text()).splitlines()
        for series, value in (x.split() for x in lines if x.startswith(name) and labels in x):
            seen[series].add(value)
        return bool(seen) and min(map(len, seen.values())) > 8

    await until(again, f"{service} goes round")


async def test_after_an_hour_without_segmenter_and_orchestrator_no_buyer_is_reminded(
    shop: Place,
) -> None:
    await shop.up()
    await _carts_are_left(shop)
    await shop.settle()
    assert await shop.db.fetchval("SELECT count(*) FROM orchestrator.timers") == PEOPLE
    await shop.kill("segmenter", "orchestrator")

    await shop.clock_to(NOON + 30 * MINUTE)
    bought = [ordered(f"o{i}", shop.now, f"c{i}", user(i), 30) for i in BUYERS]
    await shop.produce(topics.STORE_EVENTS, bought)
    await shop.clock_to(NOON + timedelta(hours=1, minutes=10))

    # the orchestrator is back first: all its timers are due, and it must wait for the others
    await shop.up("orchestrator")
    await _goes_round(shop, "orchestrator")
    assert await shop.seen.messages(topics.SEND_COMMANDS) == []

    await shop.up("segmenter")
    await shop.settle()
    expected = sorted(f"u{i}@example.com" for i in range(PEOPLE) if i not in BUYERS)
    assert sorted(mail["to"][0] for mail in await shop.mails()) == expected
    told = await shop.db.fetch(
        """SELECT reason, count(DISTINCT contact) AS n FROM orchestrator.decisions
           WHERE what = 'refused' GROUP BY 1"""
    )
    assert [tuple(row) for row in told] == [("converted", len(BUYERS))]
