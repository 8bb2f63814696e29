"""The steps of a journey file, a tree, into the flat program that runs walk through."""

from collections.abc import Callable, Mapping
from typing import Any

from services.orchestrator.domain.model import (
    END,
    Arm,
    BranchStep,
    DelayStep,
    EmailAsk,
    ExitStep,
    Hours,
    Node,
    SendStep,
    SplitStep,
    StepInfo,
    WaitStep,
)
from services.orchestrator.domain.reading import (
    JourneyError,
    expectation,
    flag,
    identifier,
    mapping,
    no_quiet_hours,
    only,
    question,
    quiet_hours,
    required,
    sequence,
    span,
    unknown,
)
from shared.conditions.errors import Path

MAX_STEPS = 100
MAX_DEPTH = 10
MAX_WEIGHT = 1_000_000


class Program:
    """Collects nodes while the tree is read. `keyed`: whether the trigger has a key.
    `quiet_hours`: of the mails whose step says none of its own; `transactional` ones have none.
    """

    def __init__(self, *, keyed: bool, transactional: bool, quiet_hours: Hours | None) -> None:
        self.keyed, self.transactional = keyed, transactional
        self.quiet_hours = quiet_hours
        self.nodes: dict[str, Node] = {}
        self.infos: list[StepInfo] = []
        self._asked: list[tuple[Path, EmailAsk]] = []
        self._places: dict[str, Path] = {}

    def compile(self, data: object, path: Path, after: str = END, depth: int = 0) -> str:
        """Add these steps, followed by `after`; the id of the first."""
        steps = sequence(data, path, "steps: [{id: hello, send: welcome}]")
        if depth > MAX_DEPTH:
            raise JourneyError(path, f"nested more than {MAX_DEPTH} deep", "split the journey")
        ids = [self._claim(step, (*path, i)) for i, step in enumerate(steps)]
        following = [*ids[1:], after]
        for i, step in enumerate(steps):
            here = (*path, i)
            kind = _kind(step, here)
            self.infos.append(StepInfo(ids[i], kind, depth))
            self.nodes[ids[i]] = _KINDS[kind](self, step, here, ids[i], following[i], depth)
        return ids[0]

    def _claim(self, data: object, path: Path) -> str:
        step = mapping(data, path, "{id: hello, send: welcome}")
        step_id = identifier(required(step, "id", path, "hello"), (*path, "id"))
        if step_id in self._places:
            raise JourneyError((*path, "id"), f"a second step '{step_id}'", "ids are unique")
        if len(self._places) >= MAX_STEPS:
            raise JourneyError(path, f"more than {MAX_STEPS} steps", "split the journey")
        self._places[step_id] = path
        return step_id

    def asks(self, asked: object, path: Path) -> None:
        """Remember a question about a mail, to check its step when all are known."""
        if isinstance(asked, EmailAsk):
            self._asked.append((path, asked))

    def check(self) -> None:
        """Every mail that is asked about is sent by a step."""
        sends = {node.step for node in self.nodes.values() if isinstance(node, SendStep)}
        for path, asked in self._asked:
            if asked.step not in sends:
                raise unknown((*path, "step"), "step that sends", asked.step, sends or {"none"})


def _kind(step: Mapping[str, Any], path: Path) -> str:
    kinds = [key for key in step if key in _KINDS]
    if len(kinds) > 1:
        both = " and ".join(kinds[:2])
        raise JourneyError(path, f"{both} in one step", "make two steps")
    if not kinds:
        word = next((key for key in step if key not in _SIDES), None)
        if word is None:
            raise JourneyError(path, "the step does nothing", "known: " + ", ".join(sorted(_KINDS)))
        raise unknown((*path, str(word)), "step", word, _KINDS)
    return kinds[0]


def _send(
    program: Program, step: Mapping[str, Any], path: Path, id_: str, after: str, _: int
) -> Node:
    only(step, path, {"id", "send", "quiet_hours"})
    template, quiet = _mail(program, step, path)
    return SendStep(id=id_, step=id_, after=after, template=template, quiet_hours=quiet)


def _mail(program: Program, data: Mapping[str, Any], path: Path) -> tuple[str, Hours | None]:
    """Template and quiet hours, of a step and of an arm."""
    quiet, here = program.quiet_hours, (*path, "quiet_hours")
    if "quiet_hours" in data:
        quiet = quiet_hours(data["quiet_hours"], here)
    if quiet and program.transactional:
        raise no_quiet_hours(here)
    return identifier(data["send"], (*path, "send")), quiet


def _delay(_: Program, step: Mapping[str, Any], path: Path, id_: str, after: str, __: int) -> Node:
    only(step, path, {"id", "delay"})
    return DelayStep(id=id_, step=id_, after=after, span=span(step["delay"], (*path, "delay")))


def _wait(
    program: Program, step: Mapping[str, Any], path: Path, id_: str, after: str, depth: int
) -> Node:
    only(step, path, {"id", "wait_until", "timeout", "then", "on_timeout"})
    here = (*path, "wait_until")
    on = expectation(step["wait_until"], here, keyed=program.keyed)
    program.asks(on, here)
    return WaitStep(
        id=id_,
        step=id_,
        after=after,
        on=on,
        timeout=span(required(step, "timeout", path, "23h"), (*path, "timeout")),
        then=_way(program, step, "then", path, after, depth),
        on_timeout=_way(program, step, "on_timeout", path, after, depth),
    )


def _branch(
    program: Program, step: Mapping[str, Any], path: Path, id_: str, after: str, depth: int
) -> Node:
    only(step, path, {"id", "branch"})
    here = (*path, "branch")
    branch = mapping(step["branch"], here, "{if: {segment: loyal}, then: […], else: […]}")
    only(branch, here, {"if", "then", "else"})
    asked = question(required(branch, "if", here, "{segment: loyal}"), (*here, "if"))
    program.asks(asked, (*here, "if"))
    return BranchStep(
        id=id_,
        step=id_,
        after=after,
        asks=asked,
        then=_way(program, branch, "then", here, after, depth),
        otherwise=_way(program, branch, "else", here, after, depth),
    )


def _way(
    program: Program, data: Mapping[str, Any], key: str, path: Path, after: str, depth: int
) -> str:
    """Where this way begins; one that is not written goes straight on."""
    if key not in data:
        return after
    return program.compile(data[key], (*path, key), after, depth + 1)


def _split(
    program: Program, step: Mapping[str, Any], path: Path, id_: str, after: str, depth: int
) -> Node:
    only(step, path, {"id", "random_split"})
    here = (*path, "random_split")
    listed = sequence(step["random_split"], here, "[{variant: a, weight: 50, send: hello}, …]")
    arms: list[Arm] = []
    for i, data in enumerate(listed):
        arm = _arm(program, data, (*here, i), id_, after, depth)
        if arm.variant in {other.variant for other in arms}:
            raise JourneyError((*here, i, "variant"), f"a second variant '{arm.variant}'")
        arms.append(arm)
    if len(arms) < 2:  # noqa: PLR2004 - a split of one is none
        raise JourneyError(here, "only one variant", "add another, such as a holdout")
    return SplitStep(id=id_, step=id_, after=after, arms=tuple(arms))


def _arm(program: Program, data: object, path: Path, id_: str, after: str, depth: int) -> Arm:
    arm = mapping(data, path, "{variant: a, weight: 50, send: hello}")
    only(arm, path, {"variant", "weight", "send", "steps", "holdout", "quiet_hours"})
    variant = identifier(required(arm, "variant", path, "a"), (*path, "variant"))
    weight = required(arm, "weight", path, "50")
    if isinstance(weight, bool) or not isinstance(weight, int) or not 0 < weight <= MAX_WEIGHT:
        raise JourneyError((*path, "weight"), f"not a weight: {weight}", "a whole number from 1")
    ways = [key for key in ("send", "steps", "holdout") if key in arm]
    if len(ways) != 1:
        raise JourneyError(path, "needs one of send, steps, holdout", "such as send: hello")
    if "quiet_hours" in arm and ways != ["send"]:
        hint = "write it beside the send of a step"
        raise JourneyError((*path, "quiet_hours"), "goes with send", hint)
    if ways == ["holdout"]:
        if not flag(arm["holdout"], (*path, "holdout")):
            raise JourneyError((*path, "holdout"), "not a holdout", "write holdout: true")
        return Arm(variant=variant, weight=weight, holdout=True)
    if ways == ["steps"]:
        target = program.compile(arm["steps"], (*path, "steps"), after, depth + 1)
        return Arm(variant=variant, weight=weight, target=target)
    target = f"{id_}:{variant}"  # no id has a colon, so it meets none
    template, quiet = _mail(program, arm, path)
    program.nodes[target] = SendStep(
        id=target, step=id_, after=after, template=template, quiet_hours=quiet, variant=variant
    )
    return Arm(variant=variant, weight=weight, target=target)


def _exit(_: Program, step: Mapping[str, Any], path: Path, id_: str, after: str, __: int) -> Node:
    only(step, path, {"id", "exit"})
    reason = "exit" if step["exit"] is True else identifier(step["exit"], (*path, "exit"))
    return ExitStep(id=id_, step=id_, after=after, reason=reason)


_Compile = Callable[[Program, Mapping[str, Any], Path, str, str, int], Node]
_KINDS: dict[str, _Compile] = {
    "send": _send,
    "delay": _delay,
    "wait_until": _wait,
    "branch": _branch,
    "random_split": _split,
    "exit": _exit,
}
_SIDES = frozenset({"id", "timeout", "then", "on_timeout", "quiet_hours"})
