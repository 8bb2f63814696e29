"""A real copy of the database server as it is now, and its promotion: what a failover leaves."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local import postgres as local
from deploy.local.ports import Ports
from deploy.local.postgres import Postgres
from deploy.local.processes import run_once


@dataclass(frozen=True)
class Backup:
    """A folder made by pg_basebackup; `database` is the one that the test looks at."""

    home: Path
    database: str

    @contextmanager
    def restored(self) -> Iterator[str]:
        """The superuser's DSN of the copy, recovered onto a timeline of its own."""
        server = Postgres(self.home, Ports.any_free())
        server.prepare()
        server.launch()
        try:
            yield server.address.rpartition("/")[0] + f"/{self.database}"
        finally:
            server.stop()


async def back_up(dsn: str, home: Path) -> Backup:
    """pg_basebackup over the network, to be recovered to its end and no further."""
    return await asyncio.to_thread(_back_up, dsn, home)


def _back_up(dsn: str, home: Path) -> Backup:
    where, data = urlsplit(dsn), home / "data"
    user = local.UNPRIVILEGED if os.geteuid() == 0 else None
    data.mkdir(parents=True)
    if user is not None:
        shutil.chown(data, user)
        for folder in data.parents:
            if folder.stat().st_uid == os.geteuid():
                folder.chmod(folder.stat().st_mode | local.OTHERS_MAY_PASS)
    server = ["-h", str(where.hostname), "-p", str(where.port), "-U", local.SUPERUSER]
    how = ["-D", str(data), "-X", "stream", "-c", "fast", "--no-sync"]
    run_once([str(local._binaries() / "pg_basebackup"), *server, *how], "pg_basebackup", user)
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("restore_command = 'false'\n")  # nothing is archived: all is in the copy
    (data / "recovery.signal").touch()
    if user is not None:
        shutil.chown(data / "recovery.signal", user)
    return Backup(home, where.path[1:])
