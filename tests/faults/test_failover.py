"""A standby becomes the primary: the next owner of every partition knows, and begins a lineage."""

import asyncio
import os
import signal

import asyncpg

from deploy.local.ports import Ports
from deploy.local.postgres import Postgres
from shared.db import ownership
from shared.db.migrate import migrate
from shared.db.pool import connect
from tests.own import own_home


class Standby(Postgres):
    """A server that follows: it is ready when it can be asked."""

    def die(self) -> None:
        """Without a last checkpoint: the first one of the next life then takes its time, and
        until it is complete the control file names the old timeline.
        """
        os.kill(self.child.pid, signal.SIGKILL)
        self.stop()

    def follow(self) -> None:
        """From the next launch on."""
        (self._data / "standby.signal").touch()

    def _is_ready(self) -> bool:
        lines = self._pid_file_lines()
        ours = len(lines) > 7 and lines[0] == str(self.child.pid)
        return ours and lines[7] in ("ready", "standby")


async def test_after_a_failover_the_next_owner_begins_a_lineage(
    kafka: str, topic_prefix: str
) -> None:
    with own_home() as home:
        server = Standby(home, Ports.any_free())
        await asyncio.to_thread(server.prepare)
        server.launch()
        try:
            server.wait_ready()
            await migrate(server.address, kafka, partitions=1, prefix=topic_prefix)
            first = await _taken(server)
            again = await _taken(server)
            server.die()
            server.follow()
            server.launch()
            connection = await asyncpg.connect(server.address)
            assert await connection.fetchval("SELECT pg_is_in_recovery()")
            assert await connection.fetchval("SELECT pg_promote(true, 30)")
            await connection.close()
            after = await _taken(server)
            later = await _taken(server)
        finally:
            server.stop()
    assert (again.lineage, again.epoch) == (first.lineage, first.epoch + 1)
    assert (after.lineage, after.epoch) == (first.lineage + 1, first.epoch + 2)
    assert later.lineage == after.lineage


async def _taken(server: Postgres) -> ownership.Ownership:
    connection = await connect(server.address, "segmenter")
    try:
        return await ownership.take(connection, "identity", 0)
    finally:
        await connection.close()
