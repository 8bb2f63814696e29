"""What each step does when a run comes to it, and when its time or its event has come.

Time passes in `Due` alone: an event never fires a delay, so nothing overtakes an event. Steps that
take no time hand on the instant of the step before, from which the next delay counts.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from services.orchestrator.domain import story
from services.orchestrator.domain.consent import why_not_mailed
from services.orchestrator.domain.model import (
    END,
    Arm,
    BranchStep,
    DelayStep,
    EmailAsk,
    EventRule,
    ExitStep,
    Journey,
    Node,
    SendStep,
    SplitStep,
    WaitStep,
)
from services.orchestrator.domain.state import Mail, Run, Story
from services.orchestrator.domain.turn import Turn
from services.orchestrator.domain.windows import windows
from shared.conditions import Condition, evaluate
from shared.contracts import Profile, Send, Withdraw
from shared.contracts.keys import message_id

LOOK_AGAIN = timedelta(minutes=5)
"""How often a run of a paused journey asks whether it may go on, if nobody wakes it before."""

PATIENCE = timedelta(days=7)
"""How long after a message's last moment its run still waits to hear what became of it."""


def begin(turn: Turn, run: Run) -> None:
    """The run has come to its node: do what there is to do, until something has to be waited for."""
    journey = turn.journeys.of(run)
    if journey is None:
        leave(turn, run, "journey_archived")
    elif run.node == END:
        leave(turn, run, "finished")
    elif run.node not in journey.nodes:
        leave(turn, run, "step_gone")
    elif turn.journeys.paused(run.journey):
        hold(turn, run)
    else:
        node = journey.nodes[run.node]
        run = turn.keep(run, begun=True, held=False)
        _BEGIN[type(node)](turn, journey, run, node)


def hold(turn: Turn, run: Run) -> None:
    """The journey is paused: nothing is done, nothing is forgotten."""
    if not run.held:
        turn.note(run, "held", step=run.node.partition(":")[0], reason="journey_paused")
    turn.keep(run, held=True, due_at=turn.now + LOOK_AGAIN)


def done(turn: Turn, run: Run, node: Node, after: str, at: datetime, **fields: Any) -> None:
    """A step is done, at `at`: on to the next."""
    turn.tell(run, "step_done", at=at, step=node.step, **fields)
    onward(turn, run, after, at)


def onward(turn: Turn, run: Run, after: str, at: datetime) -> None:
    since = min(max(at, run.since), max(turn.now, run.since))
    moved = turn.keep(
        run,
        node=after,
        begun=False,
        held=False,
        since=since,
        due_at=None,
        timeout_at=None,
        taken=run.taken + 1,
    )
    begin(turn, moved)


def leave(turn: Turn, run: Run, reason: str) -> None:
    """The run is over; what it has asked to send and nobody answered yet is withdrawn."""
    for mail in run.mails:
        if not mail.settled:
            turn.effects.append(
                Withdraw(
                    workspace=turn.workspace,
                    contact=mail.contact,
                    message=mail.message,
                    reason=reason,
                    at=turn.now,
                )
            )
    step = run.node.partition(":")[0]
    turn.tell(run, "exited", at=turn.now, step=step, reason=reason)
    turn.note(run, "exited", step=step, reason=reason)
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


def fire(turn: Turn, run: Run, horizon: datetime) -> None:
    """The run's time has come (or that of its being held is over)."""
    journey = turn.journeys.of(run)
    node = journey.nodes.get(run.node) if journey else None
    if journey is None or node is None or not run.begun:
        begin(turn, run)
    elif turn.journeys.paused(run.journey):
        hold(turn, run)
    elif isinstance(node, DelayStep):
        turn.note(run, "waited", step=node.step)
        done(turn, run, node, node.after, turn.now)
    elif isinstance(node, WaitStep):
        run = turn.keep(run, held=False)
        if not look(turn, run):
            _time_out(turn, turn.runs[run.id], node, horizon)
    else:
        leave(turn, run, "unanswered")


def _time_out(turn: Turn, run: Run, node: WaitStep, horizon: datetime) -> None:
    if run.timeout_at is None or run.timeout_at <= max(horizon, turn.now if run.held else horizon):
        turn.note(run, "wait_over", step=node.step, reason="timeout")
        done(turn, run, node, node.on_timeout, turn.now, reason="timeout")


# --- the steps --------------------------------------------------------------------------------


def _send(turn: Turn, journey: Journey, run: Run, node: Node) -> None:
    assert isinstance(node, SendStep)  # noqa: S101 - the table's promise
    end = turn.now + journey.policy.expires_after
    profile = turn.profile
    allowed = windows(journey.policy, profile.timezone if profile else "", turn.now, end)
    reason = why_not_mailed(journey, profile) or ("quiet_hours" if allowed is None else "")
    if profile is None or allowed is None or reason:
        skip(turn, run, node, reason)
        return
    message = message_id(run.id, node.step)
    run = turn.keep(
        run,
        variant=node.variant or run.variant,
        due_at=end + PATIENCE,
        mails=(*run.mails, Mail(step=node.step, message=message, contact=turn.contact)),
    )
    turn.note(run, "send", step=node.step, message=message, template=node.template)
    turn.effects.append(
        Send(
            workspace=turn.workspace,
            contact=turn.contact,
            contact_version=profile.version,
            message=message,
            run=run.id,
            journey=journey.id,
            version=journey.version,
            step=node.step,
            template=node.template,
            topic=journey.topic,
            variant=run.variant,
            transactional=journey.transactional,
            due_at=turn.now,
            not_after=end,
            windows=allowed,
            data=_data(profile, journey, run, node),
        )
    )


def skip(turn: Turn, run: Run, node: Node, reason: str) -> None:
    """The mail is not sent; the run goes on."""
    turn.tell(run, "skipped", at=turn.now, step=node.step, reason=reason)
    turn.note(run, "skipped", step=node.step, reason=reason)
    onward(turn, run, node.after, turn.now)


def _data(profile: Profile, journey: Journey, run: Run, node: Node) -> dict[str, Any]:
    contact = {key: value for key, value in profile.traits.items() if value is not None}
    for name in ("email", "locale", "timezone"):
        if value := getattr(profile, name):
            contact[name] = value
    if "first_name" not in contact and isinstance(contact.get("firstName"), str):
        contact["first_name"] = contact["firstName"]
    return {"contact": contact, **story.data(run.story), "journey": journey.id, "step": node.step}


def _delay(turn: Turn, _: Journey, run: Run, node: Node) -> None:
    assert isinstance(node, DelayStep)  # noqa: S101 - the table's promise
    run = turn.keep(run, due_at=run.since + node.span)
    turn.note(run, "waits", step=node.step, until=run.due_at)


def _wait(turn: Turn, _: Journey, run: Run, node: Node) -> None:
    assert isinstance(node, WaitStep)  # noqa: S101 - the table's promise
    until = run.since + node.timeout
    run = turn.keep(run, due_at=until, timeout_at=until)
    turn.note(run, "waits", step=node.step, until=until)
    look(turn, run)


def look(turn: Turn, run: Run) -> bool:
    """If the run waits and what it waits for has come, go on."""
    journey = turn.journeys.of(run)
    node = journey.nodes.get(run.node) if journey and run.begun else None
    if not isinstance(node, WaitStep):
        return False
    at = _come(turn, run, node)
    if at is None:
        return False
    turn.note(run, "wait_over", step=node.step, reason="then")
    done(turn, run, node, node.then, at, reason="then")
    return True


def _come(turn: Turn, run: Run, node: WaitStep) -> datetime | None:
    """When what the run waits for came; None: it has not."""
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
    ends = [at for at in (run.timeout_at, answer.changes_at) if at is not None]
    if not run.held:
        turn.keep(run, due_at=min(ends, default=None))
    return None


def engaged(run: Run, asked: EmailAsk) -> datetime | None:
    """When a person first opened or clicked the run's mail of that step; a click is an opening."""
    for mail in run.mails:
        if mail.step == asked.step:
            if asked.engagement == "opened" and mail.opened_at is not None:
                return mail.opened_at
            return mail.clicked_at
    return None


def _branch(turn: Turn, _: Journey, run: Run, node: Node) -> None:
    assert isinstance(node, BranchStep)  # noqa: S101 - the table's promise
    holds = _holds(turn, run, node.asks)
    way = "then" if holds else "else"
    turn.note(run, "branch", step=node.step, reason=way)
    done(turn, run, node, node.then if holds else node.otherwise, run.since, reason=way)


def _holds(turn: Turn, run: Run, asked: EmailAsk | Condition) -> bool:
    if isinstance(asked, EmailAsk):
        return engaged(run, asked) is not None
    profile = turn.profile
    return profile is not None and evaluate(asked, turn.facts(profile), turn.now).holds


def _split(turn: Turn, journey: Journey, run: Run, node: Node) -> None:
    assert isinstance(node, SplitStep)  # noqa: S101 - the table's promise
    arm = chosen(node.arms, f"{journey.id}\0{node.step}\0{turn.contact}")
    run = turn.keep(run, variant=arm.variant)
    turn.note(run, "split", step=node.step, reason=arm.variant)
    if arm.holdout:
        leave(turn, run, "holdout")
    elif arm.target.partition(":")[0] == node.step:  # the arm's own mail: one step, done when sent
        moved = turn.keep(run, node=arm.target, begun=False)
        begin(turn, moved)
    else:
        done(turn, run, node, arm.target, run.since)


def chosen(arms: tuple[Arm, ...], seed: str) -> Arm:
    """The arm of this seed: always the same, in proportion to the weights over many."""
    total = sum(arm.weight for arm in arms)
    point = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()) % total
    for arm in arms:
        point -= arm.weight
        if point < 0:
            return arm
    return arms[-1]


def _exit(turn: Turn, _: Journey, run: Run, node: Node) -> None:
    assert isinstance(node, ExitStep)  # noqa: S101 - the table's promise
    turn.tell(run, "step_done", at=run.since, step=node.step)
    leave(turn, run, node.reason)


_BEGIN: dict[type[Node], Callable[[Turn, Journey, Run, Node], None]] = {
    SendStep: _send,
    DelayStep: _delay,
    WaitStep: _wait,
    BranchStep: _branch,
    SplitStep: _split,
    ExitStep: _exit,
}

__all__ = ["begin", "done", "engaged", "fire", "hold", "leave", "look", "onward", "skip"]
_ = msgspec
