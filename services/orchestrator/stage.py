"""Stage orchestrator: contact-events and journey-commands in; sends, journey-events, runs out."""

from dataclasses import dataclass, field

import asyncpg

from services.orchestrator import metrics
from services.orchestrator.adapters import postgres
from services.orchestrator.adapters.compiled import Compiled
from services.orchestrator.adapters.postgres import ContactKey
from services.orchestrator.adapters.projection import RunRow, changed, step_in
from services.orchestrator.domain import (
    ContactState,
    Decision,
    Due,
    Input,
    empty,
    transition,
    unpack,
    wakes_at,
)
from services.orchestrator.handlers import outgoing
from shared.contracts import ContactEvent, ContactsMerged, JourneyEvent, RunsHandedOver
from shared.contracts.stages import ORCHESTRATOR
from shared.db import timers
from shared.db.timers import Timer
from shared.kafka.records import Outgoing, Work


@dataclass(slots=True)
class Rows:
    """The batch's contacts as stored and as they became, and what was decided on the way."""

    work: Work
    woken: set[ContactKey]
    stored: dict[ContactKey, ContactState]
    states: dict[ContactKey, ContactState]
    runs: dict[tuple[ContactKey, str], RunRow | None] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    events: list[JourneyEvent] = field(default_factory=list)

    def touched(self) -> list[ContactKey]:
        """Whose state is another one now."""
        return [
            key for key, state in self.states.items() if state != self.stored.get(key, empty(*key))
        ]


class OrchestratorStage:
    """`read`, `decide`, `write` of the one loop around the pure core."""

    spec = ORCHESTRATOR

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled

    async def read(self, connection: asyncpg.Connection, work: Work) -> Rows:
        """One query, whatever the batch's size."""
        woken = {ContactKey(t.workspace, t.contact) for t in work.timers}
        keys = {_addressee(received.message) for received in work.messages} | woken
        stored = await postgres.read_states(connection, sorted(keys))
        return Rows(work, woken, stored, dict(stored))

    def decide(self, rows: Rows, work: Work) -> list[Outgoing]:
        """Events first, in partition order, then what is due: no timer overtakes an event."""
        out: list[Outgoing] = []
        for received in work.messages:
            key = _addressee(received.message)
            out += self._turn(rows, key, received.message, work)
        for timer in work.timers:
            due = Due(horizon=timer.due_at, transactional=timer.transactional)
            out += self._turn(rows, ContactKey(timer.workspace, timer.contact), due, work)
        return out

    def _turn(self, rows: Rows, key: ContactKey, cause: Input, work: Work) -> list[Outgoing]:
        journeys = self._compiled.of(key.workspace)
        before = rows.states.get(key, empty(*key))
        after, effects = transition(before, cause, journeys, work.time)
        rows.states[key] = after
        events = [effect for effect in effects if isinstance(effect, JourneyEvent)]
        arrived = unpack(cause.state).runs if isinstance(cause, RunsHandedOver) else ()
        for run, row in changed(before, after, events, step_in(journeys), arrived).items():
            rows.runs[key, run] = row
        rows.events += events
        rows.decisions += [effect for effect in effects if isinstance(effect, Decision)]
        return [outgoing(effect) for effect in effects if not isinstance(effect, Decision)]

    async def write(self, connection: asyncpg.Connection, rows: Rows) -> None:
        """A contact of whom nothing is known any more has no row; a redirect keeps its own."""
        touched = rows.touched()
        kept = {key: rows.states[key] for key in touched if not rows.states[key].blank}
        gone = [key for key in touched if rows.states[key].blank]
        if kept:
            await postgres.write_states(connection, kept)
        if gone:
            await postgres.delete_states(connection, gone)
        if rows.runs:
            await postgres.write_runs(connection, rows.runs)
        if rows.decisions:
            await postgres.append_decisions(connection, rows.decisions)
        moved = rows.woken | {key for key in touched if self._wakes_otherwise(rows, key)}
        if moved:
            due = [timer for key in sorted(moved) for timer in _timers(rows.states.get(key), key)]
            await timers.replace(connection, sorted(moved), due)
        if rows.work.horizon is not None:  # twice a second, when timers are looked at
            await postgres.wake_held(connection, rows.work, self._compiled.in_force())
        metrics.count(rows.events)

    def _wakes_otherwise(self, rows: Rows, key: ContactKey) -> bool:
        return wakes_at(rows.states[key]) != wakes_at(rows.stored.get(key, empty(*key)))


def _addressee(message: ContactEvent | ContactsMerged | RunsHandedOver) -> ContactKey:
    """Whose owner this message is for."""
    if isinstance(message, ContactsMerged):
        return ContactKey(message.workspace, message.loser)
    return ContactKey(message.workspace, message.contact)


def _timers(state: ContactState | None, key: ContactKey) -> list[Timer]:
    if state is None:
        return []
    wakes = wakes_at(state)
    return [
        Timer(*key, at, transactional)
        for at, transactional in ((wakes.marketing, False), (wakes.transactional, True))
        if at is not None
    ]
