"""What the tests of faults share: started processes, and a database that places are copied from."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.making import Parts, prepared
from tests.faults.nursery import nursery


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def parts(
    kafka: str, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Parts]:
    """Give it to `place`."""
    home = tmp_path_factory.mktemp("prepared")
    async with (
        nursery() as started,
        prepared(Parts(kafka, postgres, started), home) as made,
    ):
        yield made
