"""The rows of `runs` say what the states and the journey-events say, merges included."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.orchestrator.adapters.projection import RunRow, changed, step_in
from services.orchestrator.domain import ContactState, Effect, Input, empty, transition, unpack
from services.orchestrator.domain.state import Run
from shared.contracts import Consent, JourneyEvent, Profile, RunsHandedOver
from tests.unit.orchestrator.inputs import RUNNING, WORLDS, Given, histories, live, quiet_histories
from tests.unit.orchestrator.world import START

_profile = Profile(
    version=1,
    email="maja@example.com",
    consent={topic: Consent(state="subscribed", at=START) for topic in ("newsletter", "orders")},
)


def happening(kind: str, name: str, properties: dict[str, Any], after: int = 1) -> Given:
    return Given(kind, after, 0, name, properties, _profile, "live", 0, 0)


COMES = happening("event", "Product Added", {"cart_id": "K"})
BUYS = [
    happening("event", "Left", {}),
    happening("event", "Order Completed", {"cart_id": "K", "revenue": 5, "order_id": "1"}),
]
MERGED = happening("merged", "", {})


class Table:
    """`runs` in memory, written as the stage writes it."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], RunRow] = {}
        self.events: list[JourneyEvent] = []

    def turn(
        self,
        before: ContactState,
        given: Input,
        after: ContactState,
        effects: Iterable[Effect],
        world: int = 0,
    ) -> None:
        events = [effect for effect in effects if isinstance(effect, JourneyEvent)]
        arrived: tuple[Run, ...] = ()
        if isinstance(given, RunsHandedOver):
            arrived = unpack(given.state).runs
        self.events += events
        step_of = step_in(WORLDS[world])
        for run, row in changed(before, after, events, step_of, arrived).items():
            if row is None:
                self.rows.pop((after.contact, run), None)
            else:
                self.rows[after.contact, run] = row

    def active(self, contact: str) -> set[str]:
        return {r.run for (c, _), r in self.rows.items() if c == contact and r.status == "active"}


@settings(max_examples=150, deadline=None)
@given(histories, quiet_histories, st.booleans(), st.booleans())
def test_rows_say_what_states_and_events_say(
    ours: list[Given],
    theirs: list[Given],
    buys: bool,
    short: bool,
) -> None:
    """Both begin the same story; the loser may buy; then they turn out to be one."""
    table, winner = Table(), None
    handed_over: list[RunsHandedOver] = []
    ours = [COMES, *ours[: 2 if short else None], *(BUYS if buys else []), MERGED]
    for told in live(ours):
        table.turn(told.before, told.given, told.after, told.effects, told.world)
        handed_over += [e for e in told.effects if isinstance(e, RunsHandedOver)]
        assert table.active("c_1") == {r.id for r in told.after.runs if r.live}
    for told in live([COMES, *theirs[: 2 if short else None]], "c_other", door="o"):
        table.turn(told.before, told.given, told.after, told.effects)
        winner = told
    for message in handed_over if winner else []:
        state, now = winner.after, winner.now  # type: ignore[union-attr]
        after, effects = transition(state, message, RUNNING, now)
        table.turn(state, message, after, effects)
        assert table.active("c_other") == {r.id for r in after.runs if r.live}
    if winner or not handed_over:
        _agree(table)


def test_a_run_that_ended_with_the_loser_and_counts_no_more_keeps_its_row() -> None:
    """Its goal's time is over when the winner takes it in: the state forgets it, rows do not."""
    table = Table()
    left = happening("event", "Left", {}, after=0)
    told = live([COMES, left, MERGED])
    for turn in told:
        table.turn(turn.before, turn.given, turn.after, turn.effects)
    (message,) = [e for e in told[-1].effects if isinstance(e, RunsHandedOver)]
    before, late = empty("default", "c_other"), told[-1].now + timedelta(days=4)
    after, effects = transition(before, message, RUNNING, late)
    table.turn(before, message, after, effects)
    ended = {event.run for event in table.events if event.kind == "exited"}
    assert ended
    assert ended.isdisjoint(run.id for run in after.runs)
    assert {("c_other", run) for run in ended} <= table.rows.keys()
    _agree(table)


def _agree(table: Table) -> None:
    by_run = {run: row for (_, run), row in table.rows.items()}
    assert len(by_run) == len(table.rows), "one row a run, wherever it is now"
    for event in table.events:
        if event.kind == "entered":
            assert (by_run[event.run].journey, by_run[event.run].entered_at) == (
                event.journey,
                event.at,
            )
        elif event.kind == "exited":
            assert by_run[event.run].exit_reason == event.reason
        elif event.kind == "goal":
            assert by_run[event.run].goal_at is not None
