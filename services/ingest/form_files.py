"""Form files checked without a server, as they would be published."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from services.ingest.domain.forms import parse_form
from shared.conditions import ConditionError
from shared.documents import Unreadable, read


def check_form_files(files: Sequence[Path]) -> Iterator[tuple[Path, list[str]]]:
    """Each file with its faults: `file:line: what is wrong; what was probably meant`."""
    for file in files:
        yield file, _faults(file)


def _faults(file: Path) -> list[str]:
    try:
        document = read(file.read_bytes())
    except Unreadable as error:
        return [f"{file}:{error.line or 1}: {error.message}"]
    try:
        form = parse_form(document.data)
    except ConditionError as error:
        return [f"{file}:{document.line(error.path)}: {error}"]
    if form.id != file.stem:
        message = f"the file is called '{file.stem}', but says '{form.id}': name them alike"
        return [f"{file}:{document.line(('form',))}: {message}"]
    return []
