"""Which steps a journey has, from its definition's body, so that each is there from 0 on."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from shared.contracts import Definition

_KINDS = ("send", "delay", "wait_until", "branch", "random_split", "exit")


class ShapeStep(NamedTuple):
    """A step in a variant; `kind` is its word in the file, `mails` if it sends."""

    step: str
    variant: str
    kind: str
    mails: bool


class Shape(NamedTuple):
    """Steps from top to bottom, and the reasons by which the journey's own rules end a run."""

    steps: list[ShapeStep]
    exits: list[str]


def shape(definition: Definition) -> Shape:
    """Total: what cannot be read has no steps."""
    found: dict[ShapeStep, None] = {}
    exits = dict.fromkeys(["finished"])
    for rule in _mappings(definition.body.get("exit_when")):
        exits[str(rule.get("event", ""))] = None
    _walk(definition.body.get("steps"), {""}, found, exits)
    return Shape(list(found), [reason for reason in exits if reason])


def _walk(
    steps: Any, variants: set[str], found: dict[ShapeStep, None], exits: dict[str, None]
) -> set[str]:
    """Adds steps in each variant that a run may have there; gives those that it may have after."""
    for step in _mappings(steps):
        name, kind = str(step.get("id", "")), next((k for k in _KINDS if k in step), "")
        if kind == "random_split":
            variants = _split(step, name, found, exits)
            continue
        for variant in sorted(variants):
            found[ShapeStep(name, variant, kind, kind == "send")] = None
        if kind == "exit":
            exits["exit" if step["exit"] is True else str(step["exit"])] = None
        ways = step["branch"] if kind == "branch" else step
        if isinstance(ways, Mapping):
            after = [
                _walk(ways[key], variants, found, exits)
                for key in ("then", "else", "on_timeout")
                if key in ways
            ]
            variants = variants.union(*after)
    return variants


def _split(
    step: Mapping[str, Any], name: str, found: dict[ShapeStep, None], exits: dict[str, None]
) -> set[str]:
    """Each arm is a variant of the split's own step; those that go on may be met afterwards."""
    after: set[str] = set()
    for arm in _mappings(step["random_split"]):
        variant = str(arm.get("variant", ""))
        found[ShapeStep(name, variant, "random_split", "send" in arm)] = None
        if "holdout" in arm:
            exits["holdout"] = None
            continue
        after |= _walk(arm.get("steps"), {variant}, found, exits) | {variant}
    return after


def _mappings(data: Any) -> Iterator[Mapping[str, Any]]:
    items: Iterable[Any] = data if isinstance(data, list) else ()
    return (item for item in items if isinstance(item, Mapping))
