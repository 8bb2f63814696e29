"""Where a mail stands is understood by who waits for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sender.domain.message import Row, Status
from services.sender.domain.telling import told

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OFF = "dispatch is off: paused by an operator"


def row(status: Status, **more: Any) -> Row:
    given = {"step": "first", "template": "welcome", "due_at": NOON - HOUR, **more}
    return Row(workspace="w", message="m_1", contact="c", status=status, **given)


@pytest.mark.parametrize(
    ("mail", "held_back", "words", "settled"),
    [
        (row(Status.QUEUED), "", "is due", False),
        (row(Status.QUEUED), OFF, f"is due and waits: {OFF}", True),
        (row(Status.QUEUED, due_at=NOON + HOUR), OFF, "waits until 2026-06-01 13:00:00 UTC", True),
        (
            row(Status.QUEUED, not_before=NOON + HOUR),
            "",
            "is tried again after 2026-06-01 13:00:00 UTC",
            True,
        ),
        (row(Status.CLAIMED), OFF, "is being sent", False),
        (row(Status.SENDING), "", "is being sent", False),
        (row(Status.SENT, sent_at=NOON), "", "was sent 2026-06-01 12:00:00 UTC", True),
        (row(Status.SENT), "", "was sent", True),
        (
            row(Status.SKIPPED, reason="suppressed"),
            "",
            "was not sent, suppressed: the address may not be mailed",
            True,
        ),
        (
            row(Status.SKIPPED, reason="template_error", detail="line 3: no such name"),
            "",
            "was not sent, template_error: line 3: no such name",
            True,
        ),
        (row(Status.FAILED, reason="rejected"), "", "was refused by SES, rejected", True),
        (
            row(Status.WITHDRAWN, reason="converted"),
            "",
            "was withdrawn, converted: has already done what the journey is for",
            True,
        ),
        (
            row(Status.AMBIGUOUS),
            "",
            "may have been sent: SES's answer was lost, its notification settles it",
            True,
        ),
        (
            row(Status.AMBIGUOUS, held=True),
            "",
            (
                "may have been sent: SES's answer was lost, its notification settles it, "
                "or `POST /v1/messages/m_1/settle` does"
            ),
            True,
        ),
    ],
)
def test_each_state_has_words(mail: Row, held_back: str, words: str, settled: bool) -> None:
    found = told(mail, NOON, held_back)

    assert found.words == f"step first: the mail welcome (m_1) {words}"
    assert found.settled is settled


def test_no_state_is_without_words() -> None:
    assert all(told(row(status), NOON, "").words for status in Status)
