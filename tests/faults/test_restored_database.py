"""Yesterday's copy of the database neither swallows events nor sends again."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from shared.contracts import topics
from shared.contracts.stages import STAGES
from shared.db.pool import connect
from shared.keys import create_key
from tests.faults.making import Parts, place
from tests.faults.observing import Observer
from tests.faults.place import NOON, SERVICES, Place, until
from tests.faults.restoring import back_up
from tests.faults.story import BOUGHT, CARTS, MINUTE, Story, added, ordered, user
from tests.own import own_home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
LATE = range(CARTS, CARTS + 60)
WORKING = [spec.name for spec in STAGES]
Rows = list[tuple[Any, ...]]
FACTS = {
    "who is who": "SELECT id, contact FROM segmenter.aliases",
    "history": "SELECT contact, message_id, at FROM segmenter.history WHERE kind <> 'segment'",
    # who has unsubscribed meanwhile is not asked in the second time: that word comes first now
    "runs": """SELECT contact, run, journey, key, status, exit_reason FROM orchestrator.runs
               WHERE contact NOT IN (SELECT contact FROM segmenter.history
                                     WHERE name = 'Unsubscribed')""",
    "messages": "SELECT message, contact, status::text, reason FROM sender.messages",
    "numbers": """SELECT message, sent_at IS NOT NULL, delivered_at, clicked_human_at,
                         bounced_hard_at FROM metrics.messages""",
    "orders": "SELECT contact, order_id, amount, message FROM metrics.orders",
}


@dataclass
class Restored:
    """`before`: facts when the old database ended; `after`: in the copy when it had caught up."""

    before: dict[str, Rows]
    after: dict[str, Rows]
    lineages: list[tuple[int, int]]
    dispatch: dict[str, Any]
    mails_before: list[dict[str, Any]]
    mails_while_off: list[dict[str, Any]]
    mails_resumed: list[dict[str, Any]]
    mails_at_the_end: list[dict[str, Any]]


async def _facts(at: Place) -> dict[str, Rows]:
    return {
        name: sorted(map(tuple, await at.db.fetch(query)), key=repr)
        for name, query in FACTS.items()
    }


async def _yesterday(at: Place, story: Story) -> None:
    await at.up()
    for minutes, post in ((0, story.sign_up), (10, story.carts)):
        await at.clock_to(NOON + minutes * MINUTE)
        await at.produce(topics.STORE_EVENTS, post(at.now))
        await at.settle()


async def _since_then(at: Place, story: Story) -> None:
    """Merges, orders, reminders, and what became of the mails."""
    for minutes, post in ((20, story.log_in), (40, story.orders_in_time)):
        await at.clock_to(NOON + minutes * MINUTE)
        await at.produce(topics.STORE_EVENTS, post(at.now))
        await at.settle()
    await at.clock_to(NOON + 75 * MINUTE)
    await at.settle()
    await at.clock_to(NOON + 100 * MINUTE)
    read = story.readers(await at.mails(), NOON + 90 * MINUTE)
    await at.produce(topics.DELIVERY_EVENTS, read)
    await at.settle()


async def _life_goes_on(at: Place) -> None:
    """New carts, some bought: nothing that comes after the restore is swallowed either."""
    await at.clock_to(NOON + 110 * MINUTE)
    await at.produce(topics.STORE_EVENTS, [added(f"n{i}", at.now, f"n{i}", user(i)) for i in LATE])
    await at.settle()
    await at.clock_to(NOON + 120 * MINUTE)
    bought = [ordered(f"b{i}", at.now, f"n{i}", user(i), 50) for i in LATE if i % 3 == 0]
    await at.produce(topics.STORE_EVENTS, bought)
    await at.settle()
    await at.clock_to(NOON + 180 * MINUTE)
    await at.settle()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def restored(parts: Parts) -> AsyncIterator[Restored]:
    """The copy is put in the place of the database under a Kafka that has gone on."""
    story = Story()
    with own_home() as home:
        async with place(parts, home / "shop") as old:
            await _yesterday(old, story)
            backup = await back_up(old.dsn, home / "copy")
            await _since_then(old, story)
            before, mails_before = await _facts(old), await old.mails()
            await old.kill(*SERVICES)
            with backup.restored() as dsn:
                db = await connect(dsn, "installation")
                await until(lambda: _recovered(db), "the copy is recovered")
                seen = Observer(old.kafka, old.prefix, db, old.seen.probe)
                new = replace(old, dsn=dsn, db=db, seen=seen, processes={})
                try:
                    yield await _caught_up(new, before, mails_before)
                finally:
                    await new.kill(*new.processes)
                    await db.close()


async def _recovered(db: asyncpg.Connection) -> bool:
    return not await db.fetchval("SELECT pg_is_in_recovery()")


async def _caught_up(
    new: Place, before: dict[str, Rows], mails_before: list[dict[str, Any]]
) -> Restored:
    operator = replace(new, key=await create_key(new.db, "default", "operate"))
    await new.clock_to(NOON + 105 * MINUTE)
    await new.up()

    async def switched_off() -> bool:
        return not (await new.call("sender", "GET", "/v1/dispatch"))["enabled"]

    await until(switched_off, "dispatch is off")
    await new.rest(*(name for name in WORKING if name != "ledger"))
    await until(_commands_are_taken(new), "the ledger has all commands")
    dispatch, while_off = await new.call("sender", "GET", "/v1/dispatch"), await new.mails()
    await operator.call("sender", "POST", "/v1/dispatch/resume")
    await new.settle()
    after, resumed = await _facts(new), await new.mails()
    await _life_goes_on(new)
    lineages = [
        (r["lineage"], r["timeline"])
        for spec in STAGES
        for r in await new.db.fetch(
            f"SELECT lineage, timeline FROM {spec.service}.ownership WHERE stage = $1", spec.name
        )
    ]
    mails = mails_before, while_off, resumed, await new.mails()
    return Restored(before, after, lineages, dispatch, *mails)


def _commands_are_taken(at: Place) -> Any:
    ledger = next(spec for spec in STAGES if spec.name == "ledger")

    async def taken() -> bool:
        return not any((await at.seen.backlog(ledger)).values())

    return taken


async def test_it_is_another_life_and_every_stage_knows(restored: Restored) -> None:
    assert set(restored.lineages) == {(2, 2)}


async def test_dispatch_is_off_until_somebody_resumes_it(restored: Restored) -> None:
    assert "restored" in restored.dispatch["off_because"]
    assert restored.mails_while_off == restored.mails_before


async def test_after_that_nothing_is_sent_again(restored: Restored) -> None:
    assert restored.mails_resumed == restored.mails_before
    sent = Counter(mail["tags"]["message_id"] for mail in restored.mails_at_the_end)
    assert set(sent.values()) == {1}


@pytest.mark.parametrize("fact", FACTS)
async def test_nothing_that_happened_since_is_swallowed(restored: Restored, fact: str) -> None:
    before, after = restored.before[fact], restored.after[fact]
    assert len(before) >= BOUGHT
    assert sorted(set(before) - set(after), key=repr)[:9] == []
    assert sorted(set(after) - set(before), key=repr)[:9] == []
    assert len(after) == len(before)


async def test_what_comes_after_it_is_not_swallowed_either(restored: Restored) -> None:
    story = Story()
    known = {mail["id"] for mail in restored.mails_resumed}
    new = [m["to"][0] for m in restored.mails_at_the_end if m["id"] not in known]
    left = {i for i in LATE if i % 3} & story.reminded
    gone = {i for i in LATE if i % 50 in (7, 8)}  # bounced, or left: see Story.readers
    reminded = Counter(new)
    assert {f"u{i}@example.com" for i in left - gone} <= set(reminded)
