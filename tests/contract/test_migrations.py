"""Migrations of each service: their numbers are the order in which they are made."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from shared.contracts.stages import SERVICES

HOME = Path(__file__).parents[2] / "services"


@pytest.mark.parametrize("service", SERVICES)
def test_files_and_revisions_are_one_plain_line(service: str) -> None:
    folder = HOME / service / "migrations"
    made = [one.revision for one in ScriptDirectory(str(folder)).walk_revisions()]
    files = [path.name[:4] for path in folder.glob("versions/*.py")]

    assert made[::-1] == sorted(files) == [f"{n:04d}" for n in range(1, len(made) + 1)]
