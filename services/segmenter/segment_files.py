"""Segment files checked without a server, together: they may ask about each other."""

from collections.abc import Mapping

from services.segmenter.domain.segment_file import parse_segment
from shared.conditions import Condition, ConditionError, parse
from shared.documents import Document, Unreadable, read


class SegmentFileError(ValueError):
    """`file:line: what is wrong; what was probably meant`."""


def check_segment_files(texts: Mapping[str, bytes]) -> None:
    """`texts` by file name. Raises SegmentFileError for the first fault."""
    documents = {name: _read(name, text) for name, text in texts.items()}
    known: dict[str, Condition] = {}
    for document in documents.values():
        try:
            known[document.data["segment"]] = parse(document.data["who"])
        except (ConditionError, TypeError, KeyError):
            continue  # said below, with its line
    for name, document in documents.items():
        try:
            parse_segment(document.data, known)
        except ConditionError as error:
            raise SegmentFileError(f"{name}:{document.line(error.path)}: {error}") from None


def _read(name: str, text: bytes) -> Document:
    try:
        return read(text)
    except Unreadable as error:
        raise SegmentFileError(f"{name}:{error.line or 1}: {error.message}") from None
