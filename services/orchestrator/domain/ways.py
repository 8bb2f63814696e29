"""The steps that take no time: a branch, a split by chance that always falls alike, an exit."""

from hashlib import blake2b

from services.orchestrator.domain.model import (
    Arm,
    BranchStep,
    EmailAsk,
    ExitStep,
    Journey,
    SplitStep,
)
from services.orchestrator.domain.outcome import Go, Leave, Outcome
from services.orchestrator.domain.state import Run
from services.orchestrator.domain.turn import Turn
from services.orchestrator.domain.waiting import engaged
from shared.conditions import evaluate


def branch(turn: Turn, _: Journey, run: Run, node: BranchStep) -> Outcome:
    if isinstance(node.asks, EmailAsk):
        holds = engaged(run, node.asks) is not None
    else:
        profile = turn.profile
        holds = profile is not None and evaluate(node.asks, turn.facts(profile), turn.now).holds
    way = "then" if holds else "else"
    turn.note(run, "branch", step=node.step, reason=way)
    return Go(node.then if holds else node.otherwise, run.since, reason=way)


def split(turn: Turn, journey: Journey, run: Run, node: SplitStep) -> Outcome:
    arm = chosen(node.arms, f"{journey.id}\0{node.step}\0{turn.contact}")
    run = turn.keep(run, variant=arm.variant)
    turn.note(run, "split", step=node.step, reason=arm.variant)
    if arm.holdout:
        return Leave("holdout")
    own_mail = arm.target.startswith(f"{node.step}:")  # one step, done when the mail is sent
    return Go(arm.target, run.since, "" if own_mail else "step_done", reason=arm.variant)


def chosen(arms: tuple[Arm, ...], seed: str) -> Arm:
    """The arm of this seed: always the same, and over many in proportion to the weights."""
    point = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest())
    point %= sum(arm.weight for arm in arms)
    for arm in arms:
        point -= arm.weight
        if point < 0:
            return arm
    return arms[-1]


def leave_here(turn: Turn, _: Journey, run: Run, node: ExitStep) -> Outcome:
    turn.tell(run, "step_done", at=run.since, step=node.step)
    return Leave(node.reason)
