"""The step that sends: what is asked, what the template is given, until when it may go out."""

from datetime import datetime, timedelta
from typing import Any

from services.orchestrator.domain import story
from services.orchestrator.domain.consent import why_not_mailed
from services.orchestrator.domain.model import Journey, SendStep
from services.orchestrator.domain.outcome import Go, Outcome
from services.orchestrator.domain.state import Mail, Run
from services.orchestrator.domain.turn import Turn
from services.orchestrator.domain.windows import Window, windows
from shared.contracts import Profile, Send
from shared.contracts.keys import message_id
from shared.contracts.zones import is_zone

PATIENCE = timedelta(days=7)
"""How long after a message's last moment its run still waits to hear what became of it."""


def send(turn: Turn, journey: Journey, run: Run, node: SendStep) -> Outcome:
    """Ask for the mail and rest until it is answered; or skip it, with a reason.

    In quiet hours it is not asked for yet: in the morning more is known of the contact.
    """
    end = run.timeout_at or turn.now + journey.policy.expires_after
    profile = turn.profile
    allowed = windows(node.quiet_hours, _zone(turn, journey), turn.now, end)
    reason = why_not_mailed(journey, profile) or _too_late(run, allowed)
    if reason or profile is None or allowed is None:
        turn.note(run, "skipped", step=node.step, reason=reason)
        return Go(node.after, turn.now, "skipped", reason)
    if allowed and allowed[0][0] > turn.now:
        run = turn.keep(run, begun=False, timeout_at=end)
        _sleep(turn, journey, run, allowed[0][0])
        return None
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
    return None


def _zone(turn: Turn, journey: Journey) -> str:
    """By whose clock it is quiet; empty or no zone: by UTC."""
    if journey.policy.timezone != "contact":
        return journey.policy.timezone
    return turn.profile.timezone if turn.profile else ""


def _too_late(run: Run, allowed: list[Window] | None) -> str:
    """What has waited for a morning had its time, and a pause or an outage took it."""
    if allowed is not None:
        return ""
    return "quiet_hours" if run.timeout_at is None else "expired"


def _sleep(turn: Turn, journey: Journey, run: Run, until: datetime) -> None:
    turn.keep(run, due_at=until)
    zone = _zone(turn, journey)
    known = zone if is_zone(zone) else ""
    step = journey.nodes[run.node].step
    turn.note(run, "waits", step=step, reason="quiet_hours", until=until, zone=known)


def reconsider(turn: Turn) -> None:
    """Whoever sleeps may have another morning by now: a time zone became known, or another."""
    for run in turn.live_runs():
        journey, until, end = turn.journeys.of(run), run.due_at, run.timeout_at
        if run.begun or run.held or journey is None or until is None or end is None:
            continue
        node = journey.nodes.get(run.node)
        if isinstance(node, SendStep) and until > turn.now:
            allowed = windows(node.quiet_hours, _zone(turn, journey), turn.now, end)
            if allowed and allowed[0][0] != until:
                _sleep(turn, journey, run, allowed[0][0])


def _data(profile: Profile, journey: Journey, run: Run, node: SendStep) -> dict[str, Any]:
    """What a template may name, but for what the sender adds: `shop`, links."""
    contact = {key: value for key, value in profile.traits.items() if value is not None}
    for name in ("email", "locale", "timezone"):
        if value := getattr(profile, name):
            contact[name] = value
    if "first_name" not in contact and isinstance(contact.get("firstName"), str):
        contact["first_name"] = contact["firstName"]
    return {"contact": contact, **story.data(run.story), "journey": journey.id, "step": node.step}
