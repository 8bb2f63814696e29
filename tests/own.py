"""What a test has of its own on servers that others use at the same time."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient


@contextmanager
def own_home() -> Iterator[Path]:
    """A folder for a PostgreSQL; gone afterwards. Not one of pytest's: the next pytest that root
    starts shuts the folder of all of them to everybody else, and PostgreSQL does not run as root.
    """
    with tempfile.TemporaryDirectory(prefix="tuvi-tests-", ignore_cleanup_errors=True) as home:
        yield Path(home)


@asynccontextmanager
async def own_database(postgres: str, template: str = "template1") -> AsyncIterator[str]:
    """The superuser's DSN of an empty database, or of a copy of one; dropped afterwards.

    Commits do not wait for the disk: a crash of the server would be needed to tell, and what is
    about such a crash has a server of its own.
    """
    name = f"test_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(postgres)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        await admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        yield urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@asynccontextmanager
async def own_topics(kafka: str) -> AsyncIterator[str]:
    """What topic names begin with, `t3f9a01c2-`; such topics are deleted afterwards."""
    prefix = f"t{uuid4().hex[:8]}-"
    try:
        yield prefix
    finally:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        try:
            ours = [topic for topic in await admin.list_topics() if topic.startswith(prefix)]
            if ours:
                await admin.delete_topics(ours)
        finally:
            await admin.close()
