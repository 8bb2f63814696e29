"""The steps that wait: a delay, or until something comes or its time is over."""

from datetime import datetime

from services.orchestrator.domain.model import (
    DelayStep,
    EmailAsk,
    EventRule,
    Journey,
    WaitStep,
)
from services.orchestrator.domain.outcome import Go, Outcome
from services.orchestrator.domain.state import Run
from services.orchestrator.domain.turn import Turn
from shared.conditions import evaluate


def delay(turn: Turn, _: Journey, run: Run, node: DelayStep) -> Outcome:
    run = turn.keep(run, due_at=run.since + node.span)
    turn.note(run, "waits", step=node.step, until=run.due_at)
    return None


def passed(turn: Turn, run: Run, node: DelayStep) -> Outcome:
    """The delay is over; what comes next counts from this moment, however late it is."""
    turn.note(run, "waited", step=node.step)
    return Go(node.after, turn.now)


def wait(turn: Turn, _: Journey, run: Run, node: WaitStep) -> Outcome:
    until = run.since + node.timeout
    run = turn.keep(run, due_at=until, timeout_at=until)
    turn.note(run, "waits", step=node.step, until=until)
    return come(turn, run, node)


def come(turn: Turn, run: Run, node: WaitStep) -> Outcome:
    """Go on if what the run waits for has come, also if it came before the wait began."""
    at = _came_at(turn, run, node)
    if at is None:
        return None
    turn.note(run, "wait_over", step=node.step, reason="then")
    return Go(node.then, at, reason="then")


def over(turn: Turn, run: Run, node: WaitStep, horizon: datetime) -> Outcome:
    """The timer's look: it may have come, or its time may be over, or neither."""
    outcome = come(turn, run, node)
    if outcome is None and (run.timeout_at is None or run.timeout_at <= horizon):
        turn.note(run, "wait_over", step=node.step, reason="timeout")
        return Go(node.on_timeout, turn.now, reason="timeout")
    return outcome


def _came_at(turn: Turn, run: Run, node: WaitStep) -> datetime | None:
    if isinstance(node.on, EmailAsk):
        return engaged(run, node.on)
    if isinstance(node.on, EventRule):
        heard = run.heard.get(node.id)
        return heard if heard is not None and heard >= run.since else None
    if turn.profile is None:
        return None
    answer = evaluate(node.on, turn.facts(turn.profile), turn.now)
    if answer.holds:
        return turn.now
    if not run.held:
        looks = [at for at in (run.timeout_at, answer.changes_at) if at is not None]
        turn.keep(run, due_at=min(looks, default=None))
    return None


def engaged(run: Run, asked: EmailAsk) -> datetime | None:
    """When a person first opened or clicked the run's mail of that step. A click is an opening:
    who blocks images clicks without one.
    """
    for mail in run.mails:
        if mail.step == asked.step:
            if asked.engagement == "clicked" or mail.opened_at is None:
                return mail.clicked_at
            return min(mail.opened_at, mail.clicked_at or mail.opened_at)
    return None
