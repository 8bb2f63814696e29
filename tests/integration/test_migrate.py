"""Two installations of one PostgreSQL are migrated at the same time."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from shared.db.migrate import create_role


@pytest.mark.parametrize("there", [False, True])
async def test_a_role_that_another_installation_makes_or_changes_at_this_moment_is_no_fault(
    database: str, postgres: str, there: bool
) -> None:
    role = f"tuvi_test_{uuid4().hex[:8]}"
    ours, theirs = await asyncpg.connect(database), await asyncpg.connect(postgres)
    try:
        if there:
            await create_role(theirs, role)
        making = theirs.transaction()
        await making.start()
        await create_role(theirs, role, "theirs")
        waits = asyncio.create_task(create_role(ours, role, "ours"))
        await until_it_waits(theirs, ours.get_server_pid())
        await making.commit()
        await waits
        assert await ours.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", role) == 1
    finally:
        await ours.close()
        await theirs.execute(f"DROP ROLE IF EXISTS {role}")
        await theirs.close()


async def until_it_waits(beside: asyncpg.Connection, process: int) -> None:
    """For what another transaction holds."""
    async with asyncio.timeout(10):
        while not await beside.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", process):
            await asyncio.sleep(0.01)
