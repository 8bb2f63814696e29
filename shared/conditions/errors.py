"""The one error of this package: where it is, what is wrong, what was probably meant."""

from collections.abc import Iterable

from shared.hints import did_you_mean

Path = tuple[str | int, ...]


class ConditionError(ValueError):
    """A condition that cannot be read.

    `path` leads from the document's root to the fault, keys as text and list positions as
    numbers, so that a loader that knows lines can point at one.
    """

    def __init__(self, path: Path, message: str, hint: str | None = None) -> None:
        self.path = path
        self.message = message
        self.hint = hint
        place = f"{spelled(path)}: " if path else ""
        super().__init__(f"{place}{message}" + (f"; {hint}" if hint else ""))


def spelled(path: Path) -> str:
    """`("who", "all", 2, "count")` as `who.all[2].count`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def unknown(
    path: Path, what: str, word: object, known: Iterable[str], otherwise: str = ""
) -> ConditionError:
    """The error for a word that is not one of `known`: names the likely one, or says `otherwise`:
    all of them, if nothing else.
    """
    options = sorted(known)
    hint = did_you_mean(word, options, otherwise or "known: " + ", ".join(options))
    return ConditionError(path, f"unknown {what} '{word}'", hint)
