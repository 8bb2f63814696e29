"""Where a mail stands, in words: for whoever asks why it does not come."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from services.sender.domain.message import Row, Status
from shared.contracts.reasons import REASONS
from shared.instants import instant


class Told(msgspec.Struct, frozen=True):
    """`settled`: it stays so for a while; else look again in a moment."""

    words: str
    settled: bool


def told(row: Row, now: datetime, held_back: str) -> Told:
    """`now` is business time. `held_back`: why nothing of its journey is sent, empty if it is."""
    settled = row.status not in (Status.CLAIMED, Status.SENDING)
    if row.status == Status.QUEUED:
        words, settled = _queued(row, now, held_back)
    else:
        words = _WORDS[row.status](row)
    return Told(f"step {row.step}: the mail {row.template} ({row.message}) {words}", settled)


def _queued(row: Row, now: datetime, held_back: str) -> tuple[str, bool]:
    if row.due_at is not None and row.due_at > now:
        return f"waits until {instant(row.due_at)}", True
    if held_back:
        return f"is due and waits: {held_back}", True
    if row.not_before is not None:
        return f"is tried again after {instant(row.not_before)}", True
    return "is due", False


def _because(row: Row) -> str:
    known = row.detail or REASONS.get(row.reason)
    return f"{row.reason}: {known}" if known else row.reason


def _sent(row: Row) -> str:
    return f"was sent {instant(row.sent_at)}" if row.sent_at else "was sent"


def _ambiguous(row: Row) -> str:
    ours = f", or `POST /v1/messages/{row.message}/settle` does" if row.held else ""
    return f"may have been sent: SES's answer was lost, its notification settles it{ours}"


_WORDS: dict[Status, Callable[[Row], str]] = {
    Status.CLAIMED: lambda _: "is being sent",
    Status.SENDING: lambda _: "is being sent",
    Status.AMBIGUOUS: _ambiguous,
    Status.SENT: _sent,
    Status.FAILED: lambda row: f"was refused by SES, {_because(row)}",
    Status.SKIPPED: lambda row: f"was not sent, {_because(row)}",
    Status.WITHDRAWN: lambda row: f"was withdrawn, {_because(row)}",
}
