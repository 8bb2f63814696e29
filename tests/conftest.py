"""Real Kafka and real PostgreSQL for the tests that ask for them; tests that do not start nothing.

The stack is started once a session, on free ports, in a folder that is removed afterwards (7 s);
the processes of `make test` share one.
To keep one running between test runs instead:

    python -m deploy.local.stack --home .tuvi/tests
    export TUVI_TEST_KAFKA=127.0.0.1:19092
    export TUVI_TEST_POSTGRES_DSN=postgresql://postgres@127.0.0.1:15432/tuvi

Each module has a database and topic names of its own, so modules share the stack undisturbed.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from deploy.local.ports import Ports
from deploy.local.stack import Addresses, Stack
from tests.own import own_database, own_home, own_topics

# Services are started often here; where bytecode is not written, each start compiles everything.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A broker that lives for minutes does not earn back what the JVM's second compiler costs it.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

# A slow machine is no failing test: speed is measured in tests/benchmarks. `make test` repeats
# itself, so a change is not held up by what it did not do; `make explore` looks for new failures.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "tuvi", settings.get_profile("explore"), derandomize=True, max_examples=60
)
settings.load_profile("tuvi")

FAULTS = "tests/faults/"
GIVEN = {"TUVI_TEST_KAFKA": "TUVI_KAFKA", "TUVI_TEST_POSTGRES_DSN": "TUVI_POSTGRES_DSN"}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before xdist starts its processes, which have our environment."""
    config = session.config
    if config.getoption("tx", None) and not hasattr(config, "workerinput"):
        running = ExitStack()
        config.add_cleanup(running.close)
        addresses = running.enter_context(_running())
        os.environ |= dict(zip(GIVEN, (addresses.kafka, addresses.postgres), strict=True))


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """The faults one file after the other: side by side they would take all of the machine."""

    def _split_scope(self, nodeid: str) -> str:
        return FAULTS if nodeid.startswith(FAULTS) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """What runs in one process."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def stack() -> Iterator[Addresses]:
    """The addresses of the session's stack."""
    with _running() as addresses:
        yield addresses


@contextmanager
def _running() -> Iterator[Addresses]:
    environment = {ours: os.environ[test] for test, ours in GIVEN.items() if test in os.environ}
    with own_home() as home, Stack(home, Ports.any_free(), environment) as addresses:
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
    async with own_database(postgres) as dsn:
        yield dsn


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def topic_prefix(kafka: str) -> AsyncIterator[str]:
    """What this module's topic names begin with, `t3f9a01c2-`; such topics are deleted after it."""
    async with own_topics(kafka) as prefix:
        yield prefix


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
