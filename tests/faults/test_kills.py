"""Killed at every step of the loop, with work in flight, the end is as if nothing had happened.

The same seeded story is told several times: once undisturbed, else with a process of some stages
killed before and after each step, and another that goes on. Then every business column of every
table and everything that SES took are compared.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import pytest_asyncio

from shared.contracts import CatalogueChanged, topics
from shared.contracts.stages import (
    FEEDBACK,
    IDENTITY,
    LEDGER,
    ORCHESTRATOR,
    PROFILE,
    STAGES,
    STATISTICS,
    StageSpec,
)
from shared.kafka.loop import STEPS
from tests.faults.compare import Table, business_columns, difference, ses_record
from tests.faults.making import Parts, place
from tests.faults.place import NOON, Place
from tests.faults.story import GOODS, MINUTE, READ_AT, Story
from tests.faults.walking import IN_FLIGHT, Kill, order_of_kills, walk

EVERYWHERE = order_of_kills()
RUNS: dict[str, set[StageSpec]] = {
    "calm": set(),
    "segmenter": {IDENTITY, PROFILE, FEEDBACK},
    "orchestrator and ledger": {ORCHESTRATOR, LEDGER, STATISTICS},
}
WRITTEN = {  # by the story; a comparison of empty tables would say nothing
    "segmenter.history",
    "segmenter.profiles",
    "segmenter.members",
    "segmenter.timers",
    "segmenter.products",
    "segmenter.inventory_items",
    "orchestrator.runs",
    "orchestrator.decisions",
    "sender.messages",
    "sender.suppressions",
    "metrics.messages",
    "metrics.hours",
}
KILLED = [name for name in RUNS if name != "calm"]
WAY: list[tuple[StageSpec, tuple[str, ...]]] = [
    (IDENTITY, ("profile",)),  # so that profile has all its work before it when its turn comes
    (PROFILE, ()),
    (ORCHESTRATOR, ()),
    (LEDGER, ()),
    (STATISTICS, ()),
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Told:
    """What came of a story."""

    tables: dict[str, Table]
    mails: list[str]
    reminded: list[str]
    catalogue: dict[str, CatalogueChanged]
    kills: list[Kill] = field(default_factory=list)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def runs(
    parts: Parts, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Told]]:
    """Of each service whose processes are killed; `calm` is undisturbed."""
    home = tmp_path_factory.mktemp("kills")
    async with AsyncExitStack() as stack:
        places = [await stack.enter_async_context(place(parts, home / name)) for name in RUNS]
        told = await asyncio.gather(*map(_tell, places, RUNS.values()))
        yield dict(zip(RUNS, told, strict=True))


async def _tell(at: Place, stages: set[StageSpec]) -> Told:
    """The story, with processes of these stages killed on the way."""
    story, kills = Story(), list[Kill]()
    await at.produce(topics.STORE_EVENTS, story.sign_up(at.now))
    for spec, hold in WAY:
        if spec in stages:
            kills += await walk(at, spec, EVERYWHERE, hold=hold)
        await at.start(spec.service, hold=hold)
        await at.rest(spec.name)
        if hold:
            await at.kill(spec.service)
    await at.settle()
    for minutes, post in ((10, story.carts), (20, story.log_in), (40, story.orders_in_time)):
        await at.clock_to(NOON + minutes * MINUTE)
        await at.produce(topics.STORE_EVENTS, post(at.now))
        await at.settle()
    await at.clock_to(NOON + 75 * MINUTE)  # an hour of quiet is over
    await at.settle()
    await at.clock_to(READ_AT)
    mails = await at.mails()
    if FEEDBACK in stages:
        await at.kill("sender")
    await at.produce(topics.DELIVERY_EVENTS, story.readers(mails, NOON + 90 * MINUTE))
    if FEEDBACK in stages:
        kills += await walk(at, FEEDBACK, EVERYWHERE)
        await at.start("sender")
    await at.settle()
    await at.clock_to(NOON + 120 * MINUTE)
    await at.produce(topics.STORE_EVENTS, story.orders_after_mails(at.now))
    await at.settle()
    await at.clock_to(NOON + timedelta(hours=25, minutes=20))  # the next day's mails
    await at.settle()
    reminded = [m["to"][0] for m in await at.mails() if m["tags"]["step"] == "reminder"]
    announced = await at.seen.messages(topics.CATALOGUE_CHANGES)
    catalogue = {c.product: c for c in sorted(announced, key=lambda c: c.version)}
    return Told(await business_columns(at), await ses_record(at), reminded, catalogue, kills)


async def test_every_step_of_the_loop_has_its_turn() -> None:
    assert set(EVERYWHERE) == {(step, when) for step in STEPS for when in ("before", "after")}
    assert set.union(*RUNS.values()) == set(STAGES)


@pytest.mark.parametrize("stage", STAGES, ids=lambda spec: spec.name)
async def test_it_was_killed_with_work_in_flight(runs: dict[str, Told], stage: StageSpec) -> None:
    kills = [kill for told in runs.values() for kill in told.kills if kill.stage == stage.name]
    assert [(kill.step, kill.when) for kill in kills] == EVERYWHERE
    for kill in kills:
        assert kill.in_flight >= IN_FLIGHT, kill


@pytest.mark.parametrize("killed", KILLED)
async def test_no_business_column_of_any_table_is_another(
    runs: dict[str, Told], killed: str
) -> None:
    calm, other = runs["calm"].tables, runs[killed].tables
    assert calm.keys() == other.keys()
    assert {name for name in calm if calm[name]} >= WRITTEN
    found = [difference(name, calm[name], other[name]) for name in calm]
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize("killed", KILLED)
async def test_ses_took_the_same_mails_once_each(runs: dict[str, Told], killed: str) -> None:
    assert len(runs["calm"].mails) > 500
    assert runs[killed].mails == runs["calm"].mails
    assert len(set(runs[killed].mails)) == len(runs[killed].mails)


@pytest.mark.parametrize("run", RUNS)
async def test_all_who_left_their_cart_are_reminded_once_and_nobody_else(
    runs: dict[str, Told], run: str
) -> None:
    assert sorted(runs[run].reminded) == sorted(Story().left_their_cart())


@pytest.mark.parametrize("run", RUNS)
async def test_every_product_is_announced_as_the_shop_has_it(
    runs: dict[str, Told], run: str
) -> None:
    """Two statements each and a level of stock, which came for an item on any partition."""
    told = runs[run].catalogue
    assert told == runs["calm"].catalogue
    there = {name: change.facts for name, change in told.items() if not change.deleted}
    gone = {f"p{i}" for i in range(0, GOODS // 2, 5)}
    assert there.keys() == {f"p{i}" for i in range(GOODS)} - gone
    assert [there[f"p{i}"]["stock"] for i in (1, 7, GOODS - 1)] == [1, 7, GOODS - 1]
    assert [there[f"p{i}"]["price"] for i in (1, 7, GOODS - 1)] == [11, 17, 20 + GOODS - 1]
