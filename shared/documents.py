"""A definition's file as sent (YAML 1.2, and JSON, which is YAML): plain data, and its lines.

Read as a tree of nodes, not as objects: numbers keep the digits that were written (money is
Decimal), every place knows its line, and nothing of the text can construct anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

MAX_BYTES = 256_000
MAX_EXPONENT = 30
MAX_DEPTH = 100
MAX_NODES = 20_000  # an alias of an alias of an alias grows beyond any file
Path = tuple[str | int, ...]


class Unreadable(Exception):  # noqa: N818  named for the fact
    """The text is not a document; `line` counts from 1, 0 when it is not known."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass(slots=True)
class Document:
    """`data` is plain JSON data; `lines` has the line (from 1) of every path in it."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Sequence[str | int]) -> int:
        """Of the path, or of the nearest place above it that is there."""
        place = tuple(path)
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read(text: bytes) -> Document:
    """Raises Unreadable. A large file takes seconds: servers give it a thread."""
    if len(text) > MAX_BYTES:
        raise Unreadable(f"longer than {MAX_BYTES // 1000} kB")
    try:
        # JSON may be indented by tabs, YAML may not; in neither does a tab mean anything else
        yaml = YAML(typ="safe", pure=True)
        yaml.max_depth = MAX_DEPTH
        root = yaml.compose(text.decode().replace("\t", " "))
    except UnicodeDecodeError as error:
        raise Unreadable("not UTF-8", text[: error.start].count(b"\n") + 1) from error
    except MarkedYAMLError as error:
        raise _unreadable(error) from error
    except (ValueError, OverflowError) as error:  # such as "\UFFFFFFFF", which is no character
        raise Unreadable("not YAML: an escape or a number is too large") from error
    except YAMLError as error:
        raise Unreadable("not YAML: " + str(error).splitlines()[0]) from error
    if root is None:
        raise Unreadable("the document is empty", 1)
    document = Document()
    document.data = _plain(root, (), document)
    return document


_MEANT = {
    "mapping values are not allowed here": "put a text with a colon in quotes, or indent alike",
    "found unexpected end of stream": "a quote is opened here and not closed",
    "but found another document": "keep one document in a file, without --- in it",
}


def _unreadable(error: MarkedYAMLError) -> Unreadable:
    """With what was probably meant. An open quote is where it begins."""
    opened = (error.context or "").startswith("while scanning a quoted")
    mark = (error.context_mark if opened else None) or error.problem_mark or error.context_mark
    what = str(error.problem)
    if isinstance(error, MaxDepthExceededError):
        what = f"nested more than {MAX_DEPTH} deep"
    elif what in _MEANT:
        what = f"{what}; {_MEANT[what]}"
    return Unreadable(what, mark.line + 1 if mark else 0)


def _plain(node: Any, path: Path, document: Document) -> Any:
    if len(document.lines) > MAX_NODES or len(path) > MAX_DEPTH:
        raise Unreadable("too large once its aliases are written out", _line(node))
    document.lines.setdefault(path, _line(node))
    if isinstance(node, ScalarNode):
        return _scalar(node)
    if isinstance(node, SequenceNode):
        return [_plain(child, (*path, i), document) for i, child in enumerate(node.value)]
    return _mapping(node, path, document)


def _mapping(node: MappingNode, path: Path, document: Document) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise Unreadable("a key must be text", _line(key))
        _refuse_no_characters(key)
        if key.value in found:
            raise Unreadable(f"'{key.value}' is there twice", _line(key))
        document.lines[(*path, key.value)] = _line(key)
        found[key.value] = _plain(value, (*path, key.value), document)
    return found


def _refuse_no_characters(node: ScalarNode) -> None:
    """Neither PostgreSQL nor an answer in UTF-8 could hold them."""
    if "\x00" in node.value or any("\ud800" <= c <= "\udfff" for c in node.value):
        raise Unreadable("a character that is none (NUL, half a surrogate)", _line(node))


def _line(node: Any) -> int:
    line: int = node.start_mark.line
    return line + 1


def _bool(text: str) -> bool:
    return text.lower() == "true"


def _number(text: str) -> int | Decimal:
    """Exact. `.inf` and `.nan` are numbers to YAML, not to anybody's file."""
    plain = text.replace("_", "")
    try:
        return int(plain, 0)
    except ValueError:
        number = Decimal(plain)
        if not number.is_finite() or abs(number.adjusted()) > MAX_EXPONENT:
            raise
        return number


_SCALARS: dict[str, Callable[[str], Any]] = {
    "bool": _bool,
    "int": _number,
    "float": _number,
    "null": lambda _: None,
}


def _scalar(node: ScalarNode) -> Any:
    """Dates stay the text they are: the domain knows where it wants one."""
    _refuse_no_characters(node)
    if node.style in ("'", '"', "|", ">"):
        return node.value
    kind = str(node.tag).rpartition(":")[2]
    try:
        return _SCALARS.get(kind, str)(node.value)
    except (ValueError, InvalidOperation) as error:
        raise Unreadable(f"'{node.value}' is not a number", _line(node)) from error
