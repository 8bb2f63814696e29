"""Journey files: text into a Journey, faults with file and line."""

from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.parse import parse_journey
from services.orchestrator.domain.reading import JourneyError
from shared.documents import Unreadable, read


class JourneyFileError(ValueError):
    """`file:line: what is wrong; what was probably meant`."""


def load_journey_file(text: str, name: str, version: int = 1) -> Journey:
    """The journey in a file's text; `name` is the file's, for errors. Raises JourneyFileError."""
    try:
        document = read(text.encode())
    except Unreadable as error:
        raise JourneyFileError(f"{name}:{error.line or 1}: {error.message}") from None
    try:
        return parse_journey(document.data, version)
    except JourneyError as error:
        raise JourneyFileError(f"{name}:{document.line(error.path)}: {error}") from None
