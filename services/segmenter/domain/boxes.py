"""Boxes: what a shop keeps of somebody's consent and says again with every change of theirs.

What is read off a box (`traits.consent.{topic}.box` names it) counts from when it came to be so.
Said again it is no new word, so it outweighs nothing that was said since. A box's first no counts
from when it was read; its first yes does not, for nobody knows how old that is: what the shop
knows of its time (`since`) is a word like any other (`consent.read`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from shared.contracts import Consent

from . import consent
from .consent import AGREES, EVERYTHING
from .state import Box, Boxes, ContactState, Words

MAX_BOXES = 20
_MAX_WORDS = 8
_SILENT = "pending"  # kept where a box says nothing of it any more: pending is read off no box


def read(traits: Mapping[str, Any], at: datetime) -> Boxes:
    """`traits.consent`, as far as it was read off boxes."""
    found: Boxes = {}
    for topic, said in consent.asked(traits).items():
        word = consent.word(said, at)
        if word is not None and (name := consent.box_of(said)):
            found.setdefault(name, {})[str(topic)] = (word,)
    for box in found.values():
        agreed = [word for (word,) in box.values() if word.state in AGREES]
        if agreed and EVERYTHING not in box:  # so its next no to all marketing is a new word
            box[EVERYTHING] = (replace(agreed[0], state=_SILENT),)
    return found


def noted(
    said: dict[str, Consent], boxes: Boxes, new: Mapping[str, Box]
) -> tuple[dict[str, Consent], Boxes]:
    """Both boxes together, whichever came first. What does not fit becomes a word as any other."""
    if not new:
        return said, boxes
    both = {**boxes, **{name: _both(boxes.get(name, {}), box) for name, box in new.items()}}
    while len(both) > MAX_BOXES:
        oldest = min(both, key=lambda name: (_newest(both[name]), name))
        said = consent.united(said, _counting(both.pop(oldest)))
    return said, both


def holding(state: ContactState) -> dict[str, Consent]:
    """What holds of each topic, by all that was said and all boxes."""
    found = state.consent
    for box in state.boxes.values():
        found = consent.united(found, _counting(box))
    return found


def _both(a: Box, b: Box) -> Box:
    return {**a, **{topic: _together(a.get(topic, ()), words) for topic, words in b.items()}}


def _together(a: Words, b: Words) -> Words:
    """In the order of time; of the same, said many times, the first and the last."""
    words = sorted({*a, *b}, key=consent.by_time)
    inner = {
        n
        for n in range(1, len(words) - 1)
        if words[n - 1].state == words[n].state == words[n + 1].state
    }
    return tuple(word for n, word in enumerate(words) if n not in inner)[-_MAX_WORDS:]


def _counting(box: Box) -> dict[str, Consent]:
    found = {topic: _first_of_last(words) for topic, words in box.items()}
    return {topic: word for topic, word in found.items() if word is not None}


def _first_of_last(words: Words) -> Consent | None:
    """The first of the newest that say the same."""
    place = max((n for n, word in enumerate(words) if word.state != _SILENT), default=None)
    if place is None:
        return None
    while place and words[place - 1].state == words[place].state:
        place -= 1
    return None if place == 0 and words[place].state in AGREES else words[place]


def _newest(box: Box) -> datetime:
    return max(words[-1].at for words in box.values())
