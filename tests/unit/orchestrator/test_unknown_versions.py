"""A process that does not know a run's version (a rolling deploy, a registry that lags) waits."""

from datetime import timedelta

import pytest

from services.orchestrator.adapters.compiled import Compiled
from services.orchestrator.domain import Due, Journeys
from shared.contracts import Definition, Withdraw
from shared.definitions import Registry
from tests.unit.orchestrator.world import World, hours, starter, written

TEXT = """
journey: test
topic: newsletter
trigger: {event: Signed Up}
reentry: every_time
exit_when: [{event: Order Completed}]
goal: {event: Order Completed, within: 5d}
steps: [{id: a, delay: 1h}, {id: b, send: mail}, {id: c, delay: 1h}, {id: d, send: more}]
"""
OLD, NEW = written(TEXT), written(TEXT.replace("send: mail", "send: new"), version=2)
LAGS = Journeys([OLD])


def on_the_new_version() -> World:
    """Somebody entered version 2 elsewhere; this process knows version 1 alone."""
    world = World(NEW)
    world.event("Signed Up")
    world.journeys = LAGS
    return world


def test_a_run_of_a_version_not_known_here_waits_and_goes_on() -> None:
    world = on_the_new_version()
    world.pass_time(hours(3))
    assert world.reasons("exited") == []
    assert [(run.held, run.version) for run in world.state.runs] == [(True, 2)]
    assert [d.reason for d in world.decisions() if d.what == "held"] == ["version_unknown"]
    assert "this version of the journey is not known here yet" in world.words()
    world.journeys = Journeys([NEW], pinned=[OLD])
    world.pass_time(timedelta(minutes=5))
    assert world.templates() == ["new"]


def test_a_run_that_waits_for_its_version_does_nothing_but_look_again_in_minutes() -> None:
    world = on_the_new_version()
    world.pass_time(hours(1))
    wake = world.wake()
    assert wake is not None
    assert wake - world.now == timedelta(minutes=5)
    assert world.take(Due(horizon=world.now)) == []


@pytest.mark.parametrize(
    ("journeys", "ends"),
    [
        (Journeys(archived={"test": 2}), True),  # archived, and cannot be read
        (Journeys(pinned=[NEW], archived={"test": 2}), False),  # it may be finished
        (Journeys(pinned=[OLD], archived={"test": 1}), False),  # 2 came after, not yet here
        (Journeys([OLD]), False),
        (Journeys(), False),
    ],
)
def test_only_a_journey_that_is_really_archived_ends_its_runs(
    journeys: Journeys, ends: bool
) -> None:
    world = on_the_new_version()
    world.journeys = journeys
    world.pass_time(hours(1.5))
    assert world.reasons("exited") == (["journey_archived"] if ends else [])


def test_a_paused_journey_holds_also_what_cannot_be_read() -> None:
    world = on_the_new_version()
    world.journeys = Journeys([OLD], paused=["test"])
    world.pass_time(hours(2))
    assert [d.reason for d in world.decisions() if d.what == "held"] == ["journey_paused"]


def test_an_order_meanwhile_ends_the_run_and_counts_when_the_version_is_known() -> None:
    world = on_the_new_version()
    world.pass_time(hours(0.5))
    world.order(order_id="1")
    ordered_at = world.now
    assert world.reasons("exited") == []
    world.pass_time(hours(2))
    world.journeys = Journeys([NEW])
    world.pass_time(timedelta(minutes=5))
    assert world.templates() == []
    assert world.reasons("exited") == ["Order Completed"]
    assert [goal.at for goal in world.told("goal")] == [ordered_at]
    assert {d.input for d in world.decisions() if d.what == "exited"} == {"c_1-m2"}
    world.pass_time(timedelta(days=6))
    assert (world.state.runs, world.state.unjudged, world.wake()) == ((), (), None)


def test_an_order_meanwhile_withdraws_the_mail_soon_though_the_run_is_not_due() -> None:
    world = World(NEW)
    world.event("Signed Up")
    world.pass_time(hours(1), answer=False)
    world.journeys = LAGS
    world.order()
    world.journeys = Journeys([NEW])
    world.pass_time(timedelta(minutes=5), answer=False)
    assert [e.message for e in world.effects if isinstance(e, Withdraw)] == [
        send.message for send in world.sends()
    ]


def test_the_word_about_a_mail_meanwhile_takes_the_run_on() -> None:
    world = World(NEW)
    world.event("Signed Up")
    world.pass_time(hours(1), answer=False)
    world.journeys = LAGS
    world.delivery("Sent")
    before = world.reasons("step_done")
    world.journeys = Journeys([NEW])
    world.pass_time(timedelta(minutes=5))
    assert len(world.reasons("step_done")) == len(before) + 1
    world.pass_time(hours(1))
    assert world.templates() == ["new", "more"]


def test_an_event_that_is_judged_again_ends_nothing_that_it_began() -> None:
    again = written(
        "{journey: again, topic: newsletter, trigger: {event: Order Completed}, reentry:"
        " every_time, exit_when: [{event: Order Completed}], steps: [{id: a, delay: 9d}]}"
    )
    world = on_the_new_version()
    world.journeys = Journeys([OLD, again])
    world.pass_time(timedelta(minutes=1))
    world.order()
    world.pass_time(hours(2))
    world.journeys = Journeys([NEW, again])
    world.pass_time(hours(2))
    assert [run.journey for run in world.state.runs if run.live] == ["again"]


def test_a_cart_waits_for_its_journey_and_is_not_reminded_of_what_was_bought_meanwhile() -> None:
    cart = starter("abandoned-cart")
    bought, left = World(cart, contact="c_buyer"), World(cart)
    for world in (bought, left):
        world.cart("K")
        world.journeys = Journeys()
        world.pass_time(hours(0.5))
    bought.order(cart_id="K")
    for world in (bought, left):
        world.pass_time(hours(2))
        assert len(world.state.candidates) == 1
        world.journeys = Journeys([cart])
        world.pass_time(timedelta(minutes=5))
    assert bought.templates() == []
    assert bought.reasons("refused") == ["converted"]
    assert left.templates() == ["cart-reminder"]


def test_what_is_put_by_moves_with_a_merge() -> None:
    anon, user = on_the_new_version(), World(NEW, contact="c_user")
    anon.pass_time(hours(0.5))
    anon.order()
    user.now, user.journeys = anon.now, LAGS
    anon.merge_into(user)
    user.journeys = Journeys([NEW])
    user.pass_time(timedelta(minutes=5))
    assert user.reasons("exited") == ["Order Completed"]


BODY = {
    "journey": "test",
    "topic": "newsletter",
    "trigger": {"event": "Signed Up"},
    "steps": [{"id": "a", "send": "mail"}],
}


def compiled(*definitions: Definition) -> Compiled:
    """What the stage acts on when these have come over the topic."""
    registry = Registry("nowhere:9092")
    for definition in definitions:
        registry._take(definition)  # as its reader does
    return Compiled(registry)


def a_version(version: int, status: str = "running", **more: object) -> Definition:
    return Definition(
        workspace="default",
        kind="journey",
        id="test",
        version=version,
        revision=version,
        status=status,  # type: ignore[arg-type]
        body=BODY | more,
    )


def test_a_definition_that_cannot_be_read_takes_nobody_in_and_holds_its_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = compiled(a_version(1), a_version(2, of_a_newer_tuvi=True))
    journeys = known.of("default")
    assert list(journeys.started_by_event("Signed Up")) == []
    assert [journeys.why_held("test", v) for v in (1, 2)] == ["version_unknown"] * 2
    assert known.in_force() == []
    assert "journey cannot be read" in capsys.readouterr().out


def test_a_version_in_between_that_cannot_be_read_holds_its_own_runs_alone() -> None:
    known = compiled(a_version(1), a_version(2, of_a_newer_tuvi=True), a_version(3))
    journeys = known.of("default")
    assert [journeys.why_held("test", v) for v in (1, 2, 3)] == ["", "version_unknown", ""]
    assert known.in_force() == [("default", "test", 1), ("default", "test", 3)]


def test_an_archived_journey_is_known_as_such_by_the_version_it_was_archived_with() -> None:
    journeys = compiled(a_version(1), a_version(2, "archived", of_a_newer_tuvi=True)).of("default")
    assert [journeys.archived("test", v) for v in (1, 2, 3)] == [True, True, False]
    assert journeys.newest("test") is None
    assert [journeys.why_held("test", v) for v in (1, 2, 3)] == ["", "", "version_unknown"]


def test_a_paused_journey_that_cannot_be_read_is_paused() -> None:
    paused = compiled(a_version(1), a_version(2, "paused", of_a_newer_tuvi=True)).of("default")
    assert paused.why_held("test", 1) == "journey_paused"
