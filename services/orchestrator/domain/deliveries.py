"""What becomes of a run's mails: sent or not, opened or clicked by a person."""

from typing import Literal

import msgspec

from services.orchestrator.domain import steps
from services.orchestrator.domain.model import SendStep
from services.orchestrator.domain.state import Mail, Run
from services.orchestrator.domain.turn import Turn
from shared.contracts import DeliveryEvent

ANSWERS = frozenset({"Sent", "Skipped", "Failed", "Rejected"})
"""The events that end a send step. The first counts; later ones of the message change nothing."""


def note(turn: Turn, delivery: DeliveryEvent, verdict: str | None) -> None:
    for run in turn.live_runs():
        for mail in run.mails:
            if mail.message == delivery.message:
                _engage(turn, run, mail, delivery, verdict)
                _answer(turn, turn.runs[run.id], delivery)


def _engage(turn: Turn, run: Run, mail: Mail, delivery: DeliveryEvent, verdict: str | None) -> None:
    """Machines' opens and clicks are not noted: no journey branches on them."""
    fields = {"Opened": "opened_at", "Clicked": "clicked_at"}
    field = fields.get(delivery.event)
    if field is None or verdict != "human":
        return
    known = getattr(mail, field)
    at = delivery.at if known is None else min(known, delivery.at)
    _replace(turn, run, msgspec.structs.replace(mail, **{field: at}))


def _replace(turn: Turn, run: Run, mail: Mail) -> Run:
    mails = tuple(mail if m.message == mail.message else m for m in run.mails)
    return turn.keep(run, mails=mails)


def _answer(turn: Turn, run: Run, delivery: DeliveryEvent) -> None:
    journey = turn.journeys.of(run)
    node = journey.nodes.get(run.node) if journey else None
    mail = next(m for m in run.mails if m.message == delivery.message)
    if delivery.event not in ANSWERS or mail.settled:
        return
    if turn.journeys.unknown(run.journey, run.version):
        return  # it is put by
    run = _replace(turn, run, msgspec.structs.replace(mail, settled=True))
    if not isinstance(node, SendStep) or node.step != mail.step or not run.begun:
        return
    sent = delivery.event == "Sent"
    reason = "" if sent else delivery.reason or delivery.event.lower()
    why = {"why": delivery.detail} if delivery.detail and not sent else {}
    turn.note(run, "sent" if sent else "skipped", step=node.step, reason=reason, **why)
    told: Literal["step_done", "skipped"] = "step_done" if sent else "skipped"
    steps.follow(turn, run, node, steps.Go(node.after, delivery.at, told, reason, mail.message))
