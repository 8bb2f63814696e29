"""Decisions in words: for whoever asks why this was sent, and that was not."""

from collections.abc import Callable, Iterable

from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.state import Decision

REASONS = {
    "already_entered": "has been through this journey before",
    "already_inside": "is in this journey already",
    "converted": "has already done what the journey is for",
    "expired": "its time was over before it could be sent",
    "finished": "came to the end",
    "frequency_capped": "too many mails in too short a time",
    "holdout": "is in the group that gets nothing, for comparison",
    "journey_archived": "the journey is no longer there",
    "journey_paused": "the journey is paused",
    "merged": "turned out to be a contact who is further in it",
    "missing_email": "has no e-mail address",
    "no_consent": "has not given consent for this topic",
    "not_in_audience": "is not among those whom the trigger's `who` asks for",
    "over_run_limit": "is in too many runs at once",
    "profile_deleted": "nothing is known of the contact",
    "quiet_hours": "it could only have gone out in quiet hours",
    "step_gone": "this version of the journey has no such step",
    "suppressed": "the address may not be mailed",
    "template_error": "the template could not be rendered",
    "too_old": "what happened is longer ago than the trigger's max_age",
    "unanswered": "nobody said what became of the mail",
    "unsubscribed": "has unsubscribed from this topic",
    "version_unknown": "this version of the journey is not known here yet, or cannot be read",
    "where": "what was in the events is not what the trigger's `where` asks for",
}


def explain(decisions: Iterable[Decision], journey: Journey | None = None) -> list[str]:
    """One line a decision, in the order given. With the journey, its topic is named too."""
    return [f"{d.at:%Y-%m-%d %H:%M:%S} UTC  {told(d, journey)}" for d in decisions]


def told(decision: Decision, journey: Journey | None) -> str:
    """One decision without its time."""
    words = _WORDS.get(decision.what, _plainly)(decision)
    if journey is not None and decision.reason in ("no_consent", "unsubscribed"):
        words += f" ({journey.topic})"
    return words


def _because(decision: Decision) -> str:
    known = decision.detail.get("why") or REASONS.get(decision.reason)
    return f"{decision.reason}: {known}" if known else decision.reason


def _entered(decision: Decision) -> str:
    key = decision.detail.get("key")
    about = f" for {key}" if key else ""
    return f"entered{about}, started by {decision.detail.get('started_by', decision.input)}"


def _refused(decision: Decision) -> str:
    key = decision.detail.get("key")
    about = f" for {key}" if key else ""
    by = decision.detail.get("event")
    return f"did not enter{about}, {_because(decision)}" + (f" ({by})" if by else "")


def _send(decision: Decision) -> str:
    template, message = decision.detail.get("template"), decision.detail.get("message")
    return f"step {decision.step}: asks for the mail {template} ({message})"


def _exited(decision: Decision) -> str:
    at = f" at step {decision.step}" if decision.step else ""
    return f"left{at}, {_because(decision)}"


def _goal(decision: Decision) -> str:
    amount = decision.detail.get("amount")
    worth = f", worth {amount} {decision.detail.get('currency', '')}".rstrip() if amount else ""
    return f"reached the goal: {decision.reason}{worth}"


def _over(decision: Decision) -> str:
    came = decision.reason == "then"
    return f"step {decision.step}: " + ("what it waited for came" if came else "waited in vain")


def _plainly(decision: Decision) -> str:
    step = f"step {decision.step}: " if decision.step else ""
    return f"{step}{decision.what} {_because(decision)}".rstrip()


_WORDS: dict[str, Callable[[Decision], str]] = {
    "entered": _entered,
    "refused": _refused,
    "send": _send,
    "sent": lambda d: f"step {d.step}: sent",
    "skipped": lambda d: f"step {d.step}: not sent, {_because(d)}",
    "waits": lambda d: f"step {d.step}: waits until {d.detail.get('until')}",
    "waited": lambda d: f"step {d.step}: the time is over",
    "wait_over": _over,
    "branch": lambda d: f"step {d.step}: takes the way `{d.reason}`",
    "split": lambda d: f"step {d.step}: falls to {d.reason}",
    "held": lambda d: f"stands at step {d.step}, {REASONS.get(d.reason, d.reason)}",
    "exited": _exited,
    "goal": _goal,
}
