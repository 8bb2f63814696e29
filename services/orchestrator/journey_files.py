"""Journey files: text into a Journey, faults with file and line."""

from pathlib import Path

from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.parse import parse_journey
from services.orchestrator.domain.reading import JourneyError
from shared.documents import Document, Unreadable, read


class JourneyFileError(ValueError):
    """`file:line: what is wrong; what was probably meant`."""


def load_journey_file(text: str, name: str, version: int = 1) -> Journey:
    """The journey in a file's text; `name` is the file's, for errors. Raises JourneyFileError."""
    return _load(text.encode(), name, version)[0]


def check_journey_file(file: Path) -> None:
    """As it would be published from this file. Raises JourneyFileError."""
    journey, document = _load(file.read_bytes(), str(file))
    if journey.id != file.stem:
        message = f"the file is called '{file.stem}', but says '{journey.id}': name them alike"
        raise JourneyFileError(f"{file}:{document.line(('journey',))}: {message}")


def _load(text: bytes, name: str, version: int = 1) -> tuple[Journey, Document]:
    try:
        document = read(text)
    except Unreadable as error:
        raise JourneyFileError(f"{name}:{error.line or 1}: {error.message}") from None
    try:
        return parse_journey(document.data, version), document
    except JourneyError as error:
        raise JourneyFileError(f"{name}:{document.line(error.path)}: {error}") from None
