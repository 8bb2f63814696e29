"""Decisions in words: for whoever asks why this was sent, and that was not."""

from collections.abc import Callable, Iterable

from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.state import Decision
from shared.contracts.reasons import REASONS
from shared.instants import instant


def explain(decisions: Iterable[Decision], journey: Journey | None = None) -> list[str]:
    """One line a decision, in the order given. With the journey, its topic is named too."""
    return [f"{instant(d.at)}  {told(d, journey)}" for d in decisions]


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


def _waits(decision: Decision) -> str:
    words = f"step {decision.step}: waits until {instant(decision.detail['until'])}"
    if decision.reason != "quiet_hours":
        return words
    zone = decision.detail.get("zone") or "UTC (the contact's time zone is not known)"
    return f"{words}, until quiet hours are over in {zone}"


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
    "waits": _waits,
    "waited": lambda d: f"step {d.step}: the time is over",
    "wait_over": _over,
    "branch": lambda d: f"step {d.step}: takes the way `{d.reason}`",
    "split": lambda d: f"step {d.step}: falls to {d.reason}",
    "held": lambda d: f"stands at step {d.step}, {REASONS.get(d.reason, d.reason)}",
    "exited": _exited,
    "goal": _goal,
}
