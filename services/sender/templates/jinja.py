"""Jinja without rendering: its tags as words that MJML and HTML tools pass on, and its lint."""

import bisect
import re

import minijinja
import msgspec

from shared.hints import did_you_mean

# minijinja's parser and compiler recurse: a chain of 100,000 operators ends the process.
MAX_TAG = 1_000
MAX_TAGS = 1_000

_STATEMENTS_NAMES = (
    "for else endfor if elif endif set endset with endwith filter endfilter macro endmacro "
    "call endcall raw endraw"
)
STATEMENTS = frozenset(_STATEMENTS_NAMES.split())
_FILTERS_NAMES = (
    "abs batch bool capitalize count d date default dictsort e escape first float groupby int "
    "items join last length lines list lower map max min money reject rejectattr replace "
    "reverse round select selectattr slice sort split string sum title tojson trim unique "
    "upper urlencode zip"
)
FILTERS = frozenset(_FILTERS_NAMES.split())
"""`safe` is not here: nothing that came from outside is put into a mail unescaped."""
GLOBALS = frozenset({"range"})

_OPEN = re.compile(r"\{[{%#]")
_STRING = r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'"
_TAGS = {
    "{{": re.compile(rf"\{{\{{(?:[^\"'}}]|{_STRING}|\}}(?!\}}))*\}}\}}", re.DOTALL),
    "{%": re.compile(rf"\{{%(?:[^\"'%]|{_STRING}|%(?!\}}))*%\}}", re.DOTALL),
    "{#": re.compile(r"\{#.*?#\}", re.DOTALL),
}
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w*)")
_FILTER = re.compile(r"\|\s*([A-Za-z_]\w*)")
_FILTER_BLOCK = re.compile(r"\{%[-+]?\s*filter\s+([A-Za-z_]\w*)")
# A dict's own methods would be found where the key is missing, and printed.
_METHODS = "clear|copy|fromkeys|get|items|keys|pop|popitem|setdefault|update|values"
_METHOD = re.compile(rf"(?<!\w)([\w.\]\[]*)\.\s*({_METHODS})\b")
_SUBSCRIPT = re.compile(rf"\[\s*[\"']({_METHODS})[\"']\s*\]")
_WHOLE = re.compile(r"\{\{[-+]?\s*(contact|event|cart|shop)\s*[-+|}]")

TOKEN = re.compile(r"<!--tuvitag(\d+)x-->|tuvitag(\d+)x")


class Problem(msgspec.Struct, frozen=True):
    """Something wrong at an offset of the text that was looked at."""

    at: int
    message: str
    hint: str = ""


class ProblemError(Exception):
    """What stops the look at once; `problem` says where and why."""

    def __init__(self, at: int, message: str, hint: str = "") -> None:
        self.problem = Problem(at, message, hint)
        super().__init__(message)


class Tag(msgspec.Struct, frozen=True):
    at: int
    text: str

    @property
    def is_output(self) -> bool:
        return self.text.startswith("{{")

    @property
    def statement(self) -> str:
        """The keyword of a `{% … %}`, or nothing."""
        found = _STATEMENT.match(self.text)
        return found[1] if found else ""

    @property
    def code(self) -> str:
        """The tag with its strings emptied, so that their contents are not read as code."""
        return re.sub(_STRING, "''", self.text)


def split(text: str) -> list[str | Tag]:
    """The text in order: what is between Jinja's tags, and the tags."""
    if "tuvitag" in text:
        raise ProblemError(text.index("tuvitag"), "'tuvitag' is a word of Tuvi's own")
    parts: list[str | Tag] = []
    tags, at = 0, 0
    while found := _OPEN.search(text, at):
        start = found.start()
        tag = _TAGS[found.group()].match(text, start)
        if tag is None:
            raise ProblemError(start, f"{found.group()} is never closed", "check its quotes too")
        tags += 1
        if len(tag.group()) > MAX_TAG or tags > MAX_TAGS:
            raise ProblemError(
                start, f"more than {MAX_TAG} characters in a tag, or than {MAX_TAGS} tags"
            )
        parts += [text[at:start], Tag(start, tag.group())]
        at = tag.end()
    return [*parts, text[at:]]


class Tokens(msgspec.Struct, frozen=True):
    """A text with each of its tags as the word `tuvitagNx`, and the tags by N."""

    text: str
    tags: list[Tag]
    starts: list[int]

    def place(self, at: int) -> int:
        """The offset in the original of an offset in `text`."""
        before = bisect.bisect_right(self.starts, at) - 1
        if before < 0:
            return at
        tag, word = self.tags[before], f"tuvitag{before}x"
        return (
            tag.at
            + max(0, at - self.starts[before] - len(word))
            + len(tag.text) * (at >= self.starts[before] + len(word))
        )


def tokens(parts: list[str | Tag]) -> Tokens:
    out: list[str] = []
    tags: list[Tag] = []
    starts: list[int] = []
    length = 0
    for part in parts:
        if isinstance(part, Tag):
            word = f"tuvitag{len(tags)}x"
            tags.append(part)
            starts.append(length)
        else:
            word = part
        out.append(word)
        length += len(word)
    return Tokens("".join(out), tags, starts)


def number(token: re.Match[str]) -> int:
    return int(token[1] or token[2])


def restore(text: str, tags: list[Tag]) -> str:
    return TOKEN.sub(lambda m: tags[number(m)].text, text)


def lint(tag: Tag) -> list[Problem]:
    """Statements, filters and methods that there are not."""
    if tag.text.startswith("{#"):
        return []
    code, found = tag.code, []
    if not tag.is_output and tag.statement not in STATEMENTS:
        hint = did_you_mean(tag.statement, STATEMENTS, "known: " + ", ".join(sorted(STATEMENTS)))
        found.append(Problem(tag.at, f"unknown statement {tag.statement!r}", hint))
    for name in [*_FILTER.findall(code), *_FILTER_BLOCK.findall(code)]:
        if name not in FILTERS:
            hint = did_you_mean(name, FILTERS, "known: " + ", ".join(sorted(FILTERS)))
            found.append(Problem(tag.at, f"unknown filter {name!r}", hint))
    methods = [(m[1], m[2]) for m in _METHOD.finditer(code)]
    methods += [("", m[1]) for m in _SUBSCRIPT.finditer(tag.text)]
    for owner, name in methods:
        if (owner, name) != ("cart", "items"):
            hint = "for pairs write `| items`; a property of that name has to be renamed"
            found.append(Problem(tag.at, f"{name!r} cannot be used as a field's name", hint))
    if m := _WHOLE.match(code):
        found.append(Problem(tag.at, f"{m[1]} is not text", f"name one of its fields: {m[1]}.…"))
    return found


_PARSER = minijinja.Environment(debug=False)


def variables(text: str) -> set[str]:
    """What the text needs from outside, as dotted paths. Syntax errors are `ProblemError`s."""
    try:
        return _PARSER.undeclared_variables_in_str(text, nested=True)
    except minijinja.TemplateError as error:
        line = error.line or 1
        at = sum(len(row) for row in text.splitlines(keepends=True)[: line - 1])
        raise ProblemError(at, f"Jinja: {error.detail or error.kind}") from None
