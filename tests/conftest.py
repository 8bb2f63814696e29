"""Real Kafka and real PostgreSQL for the tests that ask for them; tests that do not start nothing.

The stack is started once a session, on free ports, in a folder that is removed afterwards (7 s).
To keep one running between test runs instead:

    python -m deploy.local.stack --home .tuvi/tests
    export TUVI_TEST_KAFKA=127.0.0.1:19092
    export TUVI_TEST_POSTGRES_DSN=postgresql://postgres@127.0.0.1:15432/tuvi

Each module has a database and topic names of its own, so modules share the stack undisturbed.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient
from hypothesis import HealthCheck, settings

from deploy.local.ports import Ports
from deploy.local.stack import Addresses, Stack

# Services are started often here; where bytecode is not written, each start compiles everything.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A slow machine is no failing test: speed is measured in tests/benchmarks. `make test` repeats
# itself, so a change is not held up by what it did not do; `make explore` looks for new failures.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "tuvi", settings.get_profile("explore"), derandomize=True, max_examples=60
)
settings.load_profile("tuvi")

GIVEN = {"TUVI_TEST_KAFKA": "TUVI_KAFKA", "TUVI_TEST_POSTGRES_DSN": "TUVI_POSTGRES_DSN"}


@pytest.fixture(scope="session")
def stack() -> Iterator[Addresses]:
    """The addresses of the session's stack."""
    environment = {ours: os.environ[test] for test, ours in GIVEN.items() if test in os.environ}
    with (
        tempfile.TemporaryDirectory(prefix="tuvi-tests-", ignore_cleanup_errors=True) as home,
        Stack(Path(home), Ports.any_free(), environment) as addresses,
    ):
        yield addresses


@pytest.fixture(scope="session")
def kafka(stack: Addresses) -> str:
    """Bootstrap servers, `host:port`."""
    return stack.kafka


@pytest.fixture(scope="session")
def postgres(stack: Addresses) -> str:
    """The superuser's DSN. Tables belong into `database`."""
    return stack.postgres


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(postgres: str) -> AsyncIterator[str]:
    """The superuser's DSN of an empty database of this module, dropped after it."""
    name = f"test_{uuid4().hex[:12]}"
    await _administer(postgres, f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))
    await _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def topic_prefix(kafka: str) -> AsyncIterator[str]:
    """What this module's topic names begin with, `t3f9a01c2-`; such topics are deleted after it."""
    prefix = f"t{uuid4().hex[:8]}-"
    yield prefix
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        ours = [topic for topic in await admin.list_topics() if topic.startswith(prefix)]
        if ours:
            await admin.delete_topics(ours)
    finally:
        await admin.close()


@pytest.fixture(scope="module")
def own_stack(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A broker of the module alone, to be stopped; PostgreSQL is everybody's."""
    home = tmp_path_factory.mktemp("kafka")
    stack = Stack(home, Ports.any_free(), {"TUVI_POSTGRES_DSN": postgres})
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()
