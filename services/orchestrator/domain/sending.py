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
    zone = journey.policy.timezone
    if zone == "contact":
        zone = profile.timezone if profile else ""
    allowed = windows(node.quiet_hours, zone, turn.now, end)
    reason = why_not_mailed(journey, profile) or _too_late(turn, end, allowed)
    if reason or profile is None or allowed is None:
        turn.note(run, "skipped", step=node.step, reason=reason)
        return Go(node.after, turn.now, "skipped", reason)
    if allowed and (opens := allowed[0][0]) > turn.now:
        turn.keep(run, begun=False, due_at=opens, timeout_at=end)
        known = {"zone": zone} if is_zone(zone) else {}
        turn.note(run, "waits", step=node.step, reason="quiet_hours", until=opens, **known)
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


def _too_late(turn: Turn, end: datetime, allowed: list[Window] | None) -> str:
    if turn.now >= end:
        return "expired"
    return "quiet_hours" if allowed is None else ""


def _data(profile: Profile, journey: Journey, run: Run, node: SendStep) -> dict[str, Any]:
    """What a template may name, but for what the sender adds: `shop`, links."""
    contact = {key: value for key, value in profile.traits.items() if value is not None}
    for name in ("email", "locale", "timezone"):
        if value := getattr(profile, name):
            contact[name] = value
    if "first_name" not in contact and isinstance(contact.get("firstName"), str):
        contact["first_name"] = contact["firstName"]
    return {"contact": contact, **story.data(run.story), "journey": journey.id, "step": node.step}
