"""A process that was stopped (SIGSTOP), replaced, and wakes up again (SIGCONT) does no harm.

The orchestrator is stopped three times in one story: between its commit and its publishing, in its
transaction, and with nothing but due timers in hand.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest
import pytest_asyncio

from shared.contracts import topics
from shared.contracts.stages import ORCHESTRATOR
from tests.faults.making import Parts, place
from tests.faults.observing import PARTITIONS
from tests.faults.place import NOON, Place, until
from tests.faults.serve import InFlight, Watch
from tests.faults.story import MINUTE, Story
from tests.faults.walking import IN_FLIGHT, read

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
MANY_TIMERS = 50


@dataclass
class Stopped:
    """`held`: what each of the three had in hand; `logs`: what they said when they woke up."""

    held: dict[str, InFlight]
    logs: dict[str, str]
    decisions: list[tuple[Any, ...]]
    sends: list[str]
    mails: list[dict[str, Any]]


async def _zombie(at: Place, step: str, when: str, least: int) -> InFlight:
    """Stopped at this step by its own hand; another one has all when this returns."""
    name = f"{when} {step}"
    backlog = await at.seen.backlog(ORCHESTRATOR)
    partition = max(backlog, key=lambda p: backlog[p])
    other = tuple(f"orchestrator/{p}" for p in range(PARTITIONS) if p != partition)
    if least == MANY_TIMERS:  # timers wait for what all partitions may yet hand over
        other = ()
    marker = at.home / f"{name}.json"
    watch = Watch("orchestrator", partition, step, when, str(marker), least, SIGSTOP)
    process = await at.start(
        *("orchestrator",), name=name, hold=other, watch=watch, idle=2, session_timeout="1"
    )

    async def stopped() -> bool:
        return await asyncio.to_thread(marker.exists)

    await until(stopped, f"stopped {name}")
    process.signal(SIGSTOP)
    await at.start("orchestrator")
    await at.rest("orchestrator")
    return read(marker)


async def _wakes(at: Place, name: str) -> str:
    """It goes on where it was, and learns that it owns nothing; it is not needed any more."""
    at.processes[name].signal(SIGCONT)

    async def learnt() -> bool:
        log = await asyncio.to_thread(at.log_of, name)
        return "owned by another" in log or "partition waits" in log

    await until(learnt, f"{name} learns that it was replaced")
    await at.settle()
    await at.kill(name)
    return at.log_of(name)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stopped]:
    """The story of a shop up to its reminders."""
    story, held, logs = Story(), dict[str, InFlight](), dict[str, str]()
    async with place(parts, tmp_path_factory.mktemp("zombies")) as at:
        await at.up("segmenter", "sender", "metrics")

        async def lives(step: str, when: str, least: int) -> None:
            held[f"{when} {step}"] = await _zombie(at, step, when, least)
            logs[f"{when} {step}"] = await _wakes(at, f"{when} {step}")
            await at.kill("orchestrator")

        await at.produce(topics.STORE_EVENTS, story.sign_up(at.now))
        await at.rest("identity", "profile")
        await lives("commit", "after", IN_FLIGHT)  # with mails to be commanded
        await at.clock_to(NOON + 10 * MINUTE)
        await at.produce(topics.STORE_EVENTS, story.carts(at.now))
        await at.rest("identity", "profile")
        await lives("write", "after", IN_FLIGHT)
        await at.clock_to(NOON + 75 * MINUTE)
        await lives("poll", "after", MANY_TIMERS)
        rows = await at.db.fetch(
            "SELECT contact, journey, run, what, step, input FROM orchestrator.decisions"
        )
        sent = await at.seen.messages(topics.SEND_COMMANDS)
        yield Stopped(
            held, logs, [tuple(r) for r in rows], [s.message for s in sent], await at.mails()
        )


async def test_it_held_events_or_timers_when_it_was_stopped(told: Stopped) -> None:
    assert told.held["after write"].messages >= IN_FLIGHT
    assert told.held["after commit"].messages >= IN_FLIGHT
    assert told.held["after commit"].outgoing > 0
    assert told.held["after poll"].messages == 0
    assert told.held["after poll"].timers >= MANY_TIMERS


async def test_what_it_had_not_committed_is_refused(told: Stopped) -> None:
    # the server ended its transaction: idle_in_transaction_session_timeout
    assert "ConnectionDoesNotExistError" in told.logs["after write"]
    assert "owned by another" in told.logs["after commit"]
    assert "owned by another" in told.logs["after poll"]


async def test_nothing_is_decided_twice_and_nobody_is_forgotten(told: Stopped) -> None:
    assert len(set(told.decisions)) == len(told.decisions)
    story = Story()
    entered = [run for _, journey, run, what, *_ in told.decisions if what == "entered"]
    everybody = [*range(200)]
    assert len(entered) == len(story.news) + len(story.reminded & set(everybody))


async def test_every_mail_goes_out_once(told: Stopped) -> None:
    story = Story()
    by_step = {"hello": story.news, "reminder": story.reminded & set(range(200))}
    for step, who in by_step.items():
        mails = sorted(m["to"][0] for m in told.mails if m["tags"]["step"] == step)
        assert mails == sorted(f"u{i}@example.com" for i in who)
    # what is repeated in Kafka, because a zombie published again, is known by its source
    assert len(told.sends) > len(set(told.sends)) == len(told.mails)
