"""Two installations of one PostgreSQL are migrated at the same time."""

import asyncio

import asyncpg

from shared.db.migrate import create_role

ROLE = "tuvi_test_two_installations"


async def test_a_role_that_another_installation_makes_at_this_moment_is_there(
    database: str, postgres: str
) -> None:
    ours, theirs = await asyncpg.connect(database), await asyncpg.connect(postgres)
    try:
        making = theirs.transaction()
        await making.start()
        await create_role(theirs, ROLE)
        waits = asyncio.create_task(create_role(ours, ROLE))
        await until_it_waits(theirs, ours.get_server_pid())
        await making.commit()
        await waits
        assert await ours.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", ROLE) == 1
    finally:
        await ours.close()
        await theirs.execute(f"DROP ROLE IF EXISTS {ROLE}")
        await theirs.close()


async def until_it_waits(beside: asyncpg.Connection, process: int) -> None:
    """For what another transaction holds."""
    async with asyncio.timeout(10):
        while not await beside.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", process):
            await asyncio.sleep(0.01)
