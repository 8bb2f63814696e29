"""Journey files: YAML text into a Journey, faults with file and line."""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase, CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.parse import parse_journey
from services.orchestrator.domain.reading import JourneyError


class JourneyFileError(ValueError):
    """`file:line: what is wrong; what was probably meant`."""


def load_journey_file(text: str, name: str, version: int = 1) -> Journey:
    """The journey in a file's text; `name` is the file's, for errors. Raises JourneyFileError."""
    loaded = _load(text, name)
    try:
        return parse_journey(_plain(loaded), version)
    except JourneyError as error:
        line = _line(loaded, error.path)
        raise JourneyFileError(f"{name}:{line}: {error}") from None


def _load(text: str, name: str) -> Any:
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    try:
        return yaml.load(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise JourneyFileError(f"{name}:{line}: {error.problem or error}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise JourneyFileError(f"{name}:1: not YAML: {error}") from None


def _plain(data: object) -> object:
    """YAML's own types as Python's plain ones."""
    if isinstance(data, CommentedMap):
        return {_plain(key): _plain(value) for key, value in data.items()}
    if isinstance(data, CommentedSeq):
        return [_plain(value) for value in data]
    for plain_type in (bool, int, float, str):
        if isinstance(data, plain_type):
            return plain_type(data)
    return data


def _line(data: object, path: tuple[str | int, ...]) -> int:
    """The line of the deepest part of `path` that the file has."""
    line = 1
    for part in path:
        if not isinstance(data, CommentedBase):
            break
        places = data.lc.data or {}
        if part in places:
            line = places[part][0] + 1
        try:
            data = data[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            break
    return line
