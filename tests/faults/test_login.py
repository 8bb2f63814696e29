"""Who agreed as a stranger and signs up a moment later is one person to a journey, at once.

The sign-up causes the merge: it is at the winner before the loser's consent and runs are.
"""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from shared.contracts import topics
from tests.faults.making import Parts, place
from tests.faults.place import NOON, Place
from tests.faults.story import MINUTE, identify, track

PEOPLE = range(60)
STAGES = ("identity", "profile", "orchestrator", "ledger", "feedback")
LATER = NOON + MINUTE
JOURNEY: dict[str, Any] = {
    "journey": "hello",
    "topic": "newsletter",
    "trigger": {"event": "Signed Up"},
    "reentry": "once",
    "steps": [{"id": "hello", "send": "welcome"}],
}
VISIT: dict[str, Any] = {
    "journey": "visit",
    "topic": "newsletter",
    "trigger": {"event": "Form Sent"},
    "reentry": "once",
    "exit_when": [{"event": "Signed Up"}],
    "goal": {"event": "Signed Up", "within": "1d"},
    "steps": [{"id": "wait", "delay": "1d"}, {"id": "ask", "send": "welcome-story"}],
}


def whole(number: int) -> dict[str, str]:
    return {"user": f"u{number}", "device": f"d{number}"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def signed_up(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """All of them, and their first mails are out."""
    async with place(parts, tmp_path_factory.mktemp("login")) as at:
        await at.up("segmenter", "orchestrator", "sender")
        for journey in (JOURNEY, VISIT):
            await at.call("orchestrator", "POST", "/v1/journeys", journey)
        strangers = [{"device": f"d{n}"} for n in PEOPLE]
        agreed = [
            identify(f"form-{n}", NOON, who, ["newsletter"], email=f"p{n}@example.com")
            for n, who in enumerate(strangers)
        ]
        sent = [track(f"sent-{n}", NOON, "Form Sent", who) for n, who in enumerate(strangers)]
        await at.produce(topics.STORE_EVENTS, agreed)
        await at.settle(*STAGES)
        await at.produce(topics.STORE_EVENTS, sent)
        await at.settle(*STAGES)
        await at.clock_to(LATER)
        sign_up = [track(f"up-{n}", LATER, "Signed Up", whole(n)) for n in PEOPLE]
        await at.produce(topics.STORE_EVENTS, sign_up)
        await at.settle(*STAGES)
        yield at


async def test_everybody_is_greeted_once_and_nobody_is_refused(signed_up: Place) -> None:
    decisions = await signed_up.db.fetch(
        "SELECT contact, reason FROM orchestrator.decisions WHERE what = 'refused'"
    )
    assert decisions == []
    mails = [mail for mail in await signed_up.mails() if mail["tags"]["journey"] == "hello"]
    greeted = Counter(mail["to"][0] for mail in mails)
    assert greeted == Counter(f"p{n}@example.com" for n in PEOPLE)


async def test_the_sign_up_is_the_goal_of_what_the_stranger_had_begun(signed_up: Place) -> None:
    runs = await signed_up.db.fetch(
        "SELECT exit_reason, goal_at FROM orchestrator.runs WHERE journey = 'visit'"
    )
    assert [(run["exit_reason"], run["goal_at"] is not None) for run in runs] == [
        ("Signed Up", True) for _ in PEOPLE
    ]
