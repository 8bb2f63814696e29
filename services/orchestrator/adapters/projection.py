"""Runs as rows: what one transition did to a contact's runs, for the API and reports."""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from services.orchestrator.domain import ContactState, Journeys
from services.orchestrator.domain.state import Run
from shared.contracts import JourneyEvent


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `runs` without its contact."""

    run: str
    journey: str
    version: int
    step: str = ""
    held: bool = False
    key: str = ""
    entered_at: datetime
    exited_at: datetime | None = None
    exit_reason: str = ""
    goal_at: datetime | None = None

    @property
    def status(self) -> str:
        return "active" if self.exited_at is None else "exited"


StepOf = Callable[[Run], str]


def step_in(journeys: Journeys) -> StepOf:
    """A run's step as its file names it (a variant's mail stands under its split's name)."""

    def step_of(run: Run) -> str:
        journey = journeys.of(run)
        node = journey.nodes.get(run.node) if journey else None
        return node.step if node else run.node

    return step_of


def changed(
    before: ContactState,
    after: ContactState,
    events: Iterable[JourneyEvent],
    step_of: StepOf,
    arrived: Iterable[Run] = (),
) -> dict[str, RunRow | None]:
    """By run: its row as it is to be, or None where the run has moved to another contact.

    `arrived`: the runs of a hand-over. A run may begin and end between two states, and one that
    ended is forgotten by the state in its own time: then its events tell. One that ended with the
    loser may be forgotten on arrival: its row moves all the same.
    """
    was = {run.id: _row(run, step_of) for run in before.runs}
    now = {run.id: _row(run, step_of) for run in after.runs}
    rows: dict[str, RunRow | None] = {i: row for i, row in now.items() if was.get(i) != row}
    if after.merged_into:
        return dict.fromkeys(was) | rows
    came = {run.id: _row(run, step_of) for run in arrived}
    past = came | was
    told: dict[str, RunRow] = {}
    for event in events:
        if not event.run or event.run in now:
            continue
        row = told.get(event.run) or past.get(event.run) or _entered(event)
        told[event.run] = _after(row, event)
    moved = {run: row for run, row in came.items() if run not in was and run not in now}
    return rows | moved | told


def _row(run: Run, step_of: StepOf) -> RunRow:
    return RunRow(
        run=run.id,
        journey=run.journey,
        version=run.version,
        step=step_of(run),
        held=run.held,
        key=run.key,
        entered_at=run.entered_at,
        exited_at=run.exited_at,
        exit_reason=run.exited,
        goal_at=run.goal_at,
    )


def _entered(event: JourneyEvent) -> RunRow:
    return RunRow(
        run=event.run,
        journey=event.journey,
        version=event.version,
        key=event.key,
        entered_at=event.at,
    )


def _after(row: RunRow, event: JourneyEvent) -> RunRow:
    step = event.step or row.step
    if event.kind == "exited":
        return msgspec.structs.replace(
            row, step=step, held=False, exited_at=event.at, exit_reason=event.reason
        )
    if event.kind == "goal":
        return msgspec.structs.replace(row, goal_at=event.at)
    return msgspec.structs.replace(row, step=step)
