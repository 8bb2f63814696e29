"""What was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(
    word: object, known: Iterable[str], otherwise: str = "", *, likeness: float = 0.5
) -> str:
    """The nearest of `known`, as a question; `otherwise` when none is near."""
    near = get_close_matches(str(word)[:100], sorted(known), n=1, cutoff=likeness)
    return f"did you mean '{near[0]}'?" if near else otherwise
