"""Segment files checked without a server, together: they may ask about each other."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from services.segmenter.domain.definitions import NOBODY
from services.segmenter.domain.segment_file import parse_segment
from shared.conditions import Condition, ConditionError, parse, segments
from shared.documents import Document, Unreadable, read
from shared.hints import did_you_mean


class SegmentFileError(ValueError):
    """`file:line: what is wrong; what was probably meant`."""


def check_segment_files(files: Sequence[Path]) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each file with its faults (as SegmentFileError words them) and warnings.

    A segment that is asked about and not among the files is a warning: it may be published.
    """
    known: dict[str, Condition] = {file.stem: NOBODY for file in files}
    for file in files:
        with suppress(SegmentFileError, ConditionError, TypeError, KeyError):  # said below
            known[file.stem] = parse(_read(file).data["who"])
    for file in files:
        try:
            yield file, [], _check(file, _read(file), known)
        except SegmentFileError as error:
            yield file, [str(error)], []


def _check(file: Path, document: Document, known: Mapping[str, Condition]) -> list[str]:
    """Warnings. Raises SegmentFileError."""
    try:
        asked = sorted(_asked(document) - known.keys())
        found = parse_segment(document.data, {**known, **dict.fromkeys(asked, NOBODY)})
    except ConditionError as error:
        raise SegmentFileError(f"{file}:{document.line(error.path)}: {error}") from None
    if found.id != file.stem:
        message = f"the file is called '{file.stem}', but says '{found.id}': name them alike"
        raise SegmentFileError(f"{file}:{document.line(('segment',))}: {message}")
    return [
        f"asks about segment '{name}', which is not among these files; "
        + did_you_mean(name, known, "it must be published before")
        for name in asked
    ]


def _asked(document: Document) -> frozenset[str]:
    """The segments that it asks about; none if it cannot be read, which is said elsewhere."""
    with suppress(ConditionError, TypeError, KeyError):
        return frozenset(segments(parse(document.data["who"])))
    return frozenset()


def _read(file: Path) -> Document:
    try:
        return read(file.read_bytes())
    except Unreadable as error:
        raise SegmentFileError(f"{file}:{error.line or 1}: {error.message}") from None
