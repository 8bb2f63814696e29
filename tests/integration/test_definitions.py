"""A pause pauses what runs, also over a database that remembers less than was announced."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.orchestrator.adapters.publishing import Publishing
from services.segmenter.adapters.segment_rows import Segments
from shared.contracts import Definition
from shared.db.migrate import migrate
from shared.db.pool import create_pool
from shared.definitions import Announcer, Kind, Registry

BEHIND = "ALTER SEQUENCE definition_revisions RESTART WITH 1"
BACKUPS = {
    "an older version": ["DELETE FROM definitions WHERE version = 4"],
    "an older version and sequence": ["DELETE FROM definitions WHERE version = 4", BEHIND],
    "an older status": [
        "UPDATE definitions SET status = 'paused', revision = 1 WHERE version = 4",
        BEHIND,
    ],
    "nothing at all": ["DELETE FROM definitions", BEHIND],
}


@dataclass
class Owner:
    """One service's definitions: written, announced, and heard again by itself."""

    pool: asyncpg.Pool
    announcer: Announcer
    registry: Registry

    async def heard(self, saved: Definition) -> Definition:
        """What runs, once the announcement was taken."""
        kind: Kind = saved.kind
        async with asyncio.timeout(10):
            while True:
                found = self.registry.get(saved.workspace, kind, saved.id)
                if found is not None and found.revision >= saved.revision:
                    return found
                await asyncio.sleep(0.02)

    async def restore(self, *what_is_lost: str) -> None:
        for statement in what_is_lost:
            await self.pool.execute(statement)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def migrated(kafka: str, database: str, topic_prefix: str) -> str:
    await migrate(database, kafka, partitions=1, prefix=topic_prefix)
    return database


@pytest_asyncio.fixture(params=["orchestrator", "segmenter"])
async def owner(
    request: pytest.FixtureRequest, kafka: str, migrated: str, topic_prefix: str
) -> AsyncIterator[Owner]:
    service = request.param
    pool = await create_pool(migrated.replace("postgres@", f"tuvi_{service}@"), service)
    announcer = Announcer(pool, kafka, topic_prefix)
    registry = Registry(kafka, topic_prefix)
    tasks = [asyncio.create_task(t) for t in (registry.run(), announcer.run(0.1))]
    await registry.ready.wait()
    yield Owner(pool, announcer, registry)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await pool.close()


def body(number: int) -> dict[str, Any]:
    return {"description": f"the {number}th"}


@pytest.mark.parametrize("backup", BACKUPS)
@pytest.mark.parametrize("owner", ["orchestrator"], indirect=True)
async def test_after_a_restore_a_pause_pauses_what_runs(owner: Owner, backup: str) -> None:
    journeys, name = (
        Publishing(owner.pool, owner.announcer, owner.registry),
        backup.replace(" ", "-"),
    )
    for number in range(1, 5):
        running, _ = await journeys.publish("default", name, body(number))
        await owner.heard(running)
    await owner.restore(*BACKUPS[backup])

    assert (await journeys.one("default", name)) == running
    paused = await owner.heard(await journeys.set_status("default", name, "paused"))
    assert (paused.version, paused.status, paused.body) == (4, "paused", body(4))
    assert (await journeys.one("default", name)) == paused

    published, changed = await journeys.publish("default", name, body(5))
    runs = await owner.heard(published)
    assert (changed, runs.version, runs.status, runs.body) == (True, 5, "paused", body(5))


@pytest.mark.parametrize("owner", ["segmenter"], indirect=True)
async def test_after_a_restore_every_new_segment_is_newer_than_all_before(owner: Owner) -> None:
    """Contacts remember the newest revision they have answered; what is below is not asked."""
    segments = Segments(owner.pool, owner.announcer, owner.registry)

    async def publish(name: str) -> int:
        who = {"trait": "plan", "is": name}
        return (await segments.publish("default", {"segment": name, "who": who})).revision

    before = [await publish(f"old-{i}") for i in range(5)]
    last = await segments.one("default", "old-4")
    await owner.heard(last)
    await owner.restore("DELETE FROM definitions", BEHIND)

    after = [await publish(f"new-{i}") for i in range(3)]
    assert max(before) < after[0] < after[1] < after[2]
    assert len(await segments.all("default")) == 8
