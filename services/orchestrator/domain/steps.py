"""A run's walk through its steps, one after the other, until one of them has to wait.

Time passes in `Due` alone: an event never ends a delay, so nothing overtakes an event. Steps that
take no time hand on the instant of the step before.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.orchestrator.domain import sending, waiting, ways
from services.orchestrator.domain.model import (
    END,
    BranchStep,
    DelayStep,
    ExitStep,
    Journey,
    Node,
    SendStep,
    SplitStep,
    WaitStep,
)
from services.orchestrator.domain.outcome import Go, Leave, Outcome
from services.orchestrator.domain.state import LOOK_AGAIN, Run, Story
from services.orchestrator.domain.turn import Turn
from shared.contracts import Withdraw


def begin(turn: Turn, run: Run) -> None:
    """The run has come to its node: do what there is to do."""
    if run.node == END:
        return leave(turn, run, "finished")
    if reason := turn.journeys.why_held(run.journey, run.version):
        return hold(turn, run, reason)
    journey = turn.journeys.of(run)
    if journey is None:
        return leave(turn, run, "journey_archived")
    if run.node not in journey.nodes:
        return leave(turn, run, "step_gone")
    node = journey.nodes[run.node]
    run = turn.keep(run, begun=True, held=False)
    return follow(turn, run, node, _BEGIN[type(node)](turn, journey, run, node))


def follow(turn: Turn, run: Run, node: Node, outcome: Outcome) -> None:
    """Do what a step answered."""
    run = turn.runs[run.id]
    if isinstance(outcome, Leave):
        return leave(turn, run, outcome.reason)
    if outcome is None:
        return None
    since = max(run.since, min(outcome.at, turn.now))  # never back, never ahead of the clock
    if outcome.told:
        facts = {"step": node.step, "reason": outcome.reason, "message": outcome.message}
        turn.tell(run, outcome.told, at=since, **facts)
    run = turn.keep(
        run,
        node=outcome.after,
        begun=False,
        held=False,
        since=since,
        due_at=None,
        timeout_at=None,
        taken=run.taken + bool(outcome.told),
    )
    return begin(turn, run)


def look(turn: Turn, run: Run) -> None:
    """If the run waits for something and it has come, go on."""
    journey = turn.journeys.of(run)
    node = journey.nodes.get(run.node) if journey and run.begun else None
    if isinstance(node, WaitStep):
        follow(turn, run, node, waiting.come(turn, run, node))


def fire(turn: Turn, run: Run, horizon: datetime) -> None:
    """The run's time has come, or its journey goes on after a pause."""
    journey = turn.journeys.of(run)
    node = journey.nodes.get(run.node) if journey else None
    if node is None or not run.begun:
        return begin(turn, run)
    if reason := turn.journeys.why_held(run.journey, run.version):
        return hold(turn, run, reason)
    run = turn.keep(run, held=False)
    if isinstance(node, DelayStep):
        return follow(turn, run, node, waiting.passed(turn, run, node))
    if isinstance(node, WaitStep):
        return follow(turn, run, node, waiting.over(turn, run, node, horizon))
    return leave(turn, run, "unanswered")


def hold(turn: Turn, run: Run, reason: str) -> None:
    """The journey is paused or not known here: nothing is done, nothing is forgotten."""
    if not run.held:
        turn.note(run, "held", step=step_of(run), reason=reason)
    turn.keep(run, held=True, due_at=turn.now + LOOK_AGAIN)


def leave(turn: Turn, run: Run, reason: str) -> None:
    """The run is over; mails it has asked for and nobody answered yet are withdrawn.

    A withdrawal goes to whom the mail was addressed to: before a merge that was another contact.
    """
    turn.effects += [
        Withdraw(
            workspace=turn.workspace,
            contact=mail.contact,
            message=mail.message,
            reason=reason,
            at=turn.now,
        )
        for mail in run.mails
        if not mail.settled
    ]
    turn.tell(run, "exited", at=turn.now, step=step_of(run), reason=reason)
    turn.note(run, "exited", step=step_of(run), reason=reason)
    turn.keep(
        run,
        exited=reason,
        exited_at=turn.now,
        begun=False,
        held=False,
        due_at=None,
        timeout_at=None,
        mails=(),
        heard={},
        story=Story(at=run.story.at),
    )


def step_of(run: Run) -> str:
    """The step a run is at, as the file names it; empty at the end."""
    return run.node.partition(":")[0]


_BEGIN: dict[type[Node], Callable[[Turn, Journey, Run, Any], Outcome]] = {
    SendStep: sending.send,
    DelayStep: waiting.delay,
    WaitStep: waiting.wait,
    BranchStep: ways.branch,
    SplitStep: ways.split,
    ExitStep: ways.leave_here,
}

__all__ = ["Go", "begin", "fire", "follow", "hold", "leave", "look", "step_of"]
