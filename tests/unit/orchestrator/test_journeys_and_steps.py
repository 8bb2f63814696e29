"""Triggers, steps, re-entry, pause: what a marketer who writes a journey may rely on."""

from collections import Counter
from datetime import timedelta

import pytest

from services.orchestrator.domain import Journeys
from services.orchestrator.domain.ways import chosen
from shared.contracts import Profile
from tests.unit.orchestrator.world import START, World, hours, profile, starter, written

DAY = timedelta(days=1)


def small(trigger: str, steps: str = "[{id: hello, send: welcome}]", more: str = "") -> World:
    text = f"journey: test\ntopic: newsletter\ntrigger: {trigger}\n{more}\nsteps: {steps}\n"
    return World(written(text))


def test_the_welcome_series_comes_in_order() -> None:
    world = World(starter("welcome"))
    world.segment("subscribers")
    world.pass_time(3 * DAY)
    assert world.templates() == ["welcome", "welcome-story", "welcome-bestsellers"]
    days = [(send.due_at - START) / DAY for send in world.sends()]
    assert days == [0, 1, 2]
    assert world.reasons("exited") == ["finished"]


def test_a_first_order_ends_the_welcome_series() -> None:
    world = World(starter("welcome"))
    world.segment("subscribers")
    world.pass_time(hours(1))
    world.order(order_id="1", revenue=30, currency="EUR")
    world.pass_time(3 * DAY)
    assert world.templates() == ["welcome"]
    assert world.reasons("exited") == ["Order Completed"]
    assert len(world.told("goal")) == 1


def test_win_back_asks_twice() -> None:
    world = World(starter("win-back"))
    world.segment("at-risk")
    world.pass_time(3 * DAY)
    assert world.templates() == ["win-back-miss-you", "win-back-offer"]


def test_the_quickstart_answers_after_two_seconds() -> None:
    world = World(starter("quickstart-cart"))
    world.cart("K", value=5)
    world.pass_time(timedelta(seconds=2))
    assert world.templates() == ["quickstart-cart"]


def test_who_enters_a_segment_because_its_definition_changed_is_not_mailed() -> None:
    world = World(starter("welcome"))
    world.segment("subscribers", backfill=True)
    assert world.effects == []


def test_leaving_a_segment_can_start_a_journey() -> None:
    world = small("{segment: loyal, on: left}")
    world.segment("loyal")
    assert world.sends() == []
    world.segment("loyal", "left")
    assert world.templates() == ["welcome"]


def test_an_event_starts_at_once_if_its_properties_fit() -> None:
    world = small("{event: Signed Up, where: {source: fair}}")
    world.event("Signed Up", source="shop")
    assert world.effects == []
    world.event("Signed Up", source="fair")
    assert world.templates() == ["welcome"]


def test_who_is_not_in_the_audience_is_refused() -> None:
    world = small("{event: Signed Up, who: {trait: country, is: SE}}")
    world.event("Signed Up")
    assert world.reasons("refused") == ["not_in_audience"]


@pytest.mark.parametrize(
    ("rule", "entries"),
    [("once", 1), ("every_time", 3), ("{after_period: 2d}", 2)],
)
def test_who_may_come_back(rule: str, entries: int) -> None:
    world = small("{event: Signed Up}", more=f"reentry: {rule}")
    for _ in range(3):
        world.event("Signed Up")
        world.pass_time(1.5 * DAY)
    assert len(world.told("entered")) == entries
    assert len({send.message for send in world.sends()}) == entries


def test_each_form_asks_to_be_confirmed_but_none_twice_within_the_hour() -> None:
    world = World(starter("confirm-subscription"))
    for minutes in (0, 10, 20):
        for form in ("newsletter", "fair", "newsletter"):
            world.event("Form Submitted", form=form, double_opt_in=True)
        world.pass_time(timedelta(minutes=10))
        assert len(world.sends()) == 2, minutes
    world.pass_time(hours(1))
    world.event("Form Submitted", form="fair", double_opt_in=True)
    assert [send.data["event"]["form"] for send in world.sends()] == ["newsletter", "fair", "fair"]
    assert len({send.message for send in world.sends()}) == 3
    assert set(world.reasons("refused")) <= {"already_entered", "already_inside"}


def test_without_a_key_a_period_for_each_key_is_one_for_all_of_them() -> None:
    trigger = "{event: Form Submitted, key: form}"
    world = small(trigger, more="reentry: {after_period: 1h, per_key: true}")
    for _ in range(3):
        world.event("Form Submitted")
        world.pass_time(timedelta(minutes=40))
    assert len(world.told("entered")) == 2


def test_a_checkout_in_which_somebody_goes_on_is_not_abandoned() -> None:
    world = World(starter("abandoned-cart"))
    world.event("Checkout Started", checkout_id="C", value=50, currency="EUR")
    for _ in range(3):
        world.pass_time(timedelta(minutes=50))
        world.event("Checkout Step Completed", checkout_id="C")
    assert world.sends() == []
    world.pass_time(hours(1))
    assert world.templates() == ["cart-reminder"]


def test_a_transactional_journey_asks_for_an_address_only() -> None:
    text = "[{id: hello, send: welcome}]"
    world = small("{event: Signed Up}", text, "transactional: true")
    world.profile = profile(consent={})
    world.event("Signed Up")
    assert [send.transactional for send in world.sends()] == [True]
    world.pass_time(hours(1), answer=False)
    assert world.state.runs[0].transactional


def test_a_late_timer_skips_no_step_and_the_next_delay_counts_from_then() -> None:
    steps = "[{id: a, delay: 1h}, {id: b, send: one}, {id: c, delay: 1h}, {id: d, send: two}]"
    world = small("{event: Signed Up}", steps)
    world.event("Signed Up")
    world.now += hours(10)  # nobody looked at the time
    world.pass_time(hours(0))
    assert world.templates() == ["one"]
    world.pass_time(hours(0.9))
    assert world.templates() == ["one"]
    world.pass_time(hours(0.1))
    assert world.templates() == ["one", "two"]


def test_a_branch_looks_at_the_contact() -> None:
    steps = """
  - id: where
    branch:
      if: {trait: country, is: SE}
      then: [{id: hej, send: hej}]
      else: [{id: hi, send: hi}]
  - {id: both, send: both}
"""
    for country, first in (("SE", "hej"), ("DK", "hi")):
        world = small("{event: Signed Up}", steps)
        world.profile = profile(traits={"country": country})
        world.event("Signed Up")
        world.pass_time(hours(1))
        assert world.templates() == [first, "both"]


def test_a_wait_for_an_event_goes_on_when_it_comes_and_hears_what_came_meanwhile() -> None:
    steps = """
  - {id: ask, send: ask}
  - id: wait
    wait_until: {event: Product Viewed, where: {category: boots}}
    timeout: 2d
    then: [{id: boots, send: boots}]
    on_timeout: [{id: none, send: none-seen}]
"""
    world = small("{event: Signed Up}", steps)
    world.event("Product Viewed", category="boots")  # before all this
    world.event("Signed Up")
    world.pass_time(hours(1))
    world.event("Product Viewed", category="hats")
    assert world.templates() == ["ask"]
    world.event("Product Viewed", category="boots")
    assert world.templates() == ["ask", "boots"]

    early = small("{event: Signed Up}", steps)
    early.event("Signed Up")
    sent_at = early.now
    early.pass_time(timedelta(seconds=1), answer=False)
    early.event("Product Viewed", category="boots")
    early.delivery("Sent", at=sent_at)  # we hear of it after the view
    assert early.templates() == ["ask", "boots"]

    late = small("{event: Signed Up}", steps)
    late.event("Signed Up")
    late.pass_time(2 * DAY)
    assert late.templates() == ["ask", "none-seen"]


def test_a_wait_for_a_condition_ends_by_itself_when_time_makes_it_true() -> None:
    steps = """
  - id: wait
    wait_until: {trait: first_seen_at, older_than: 10d}
    timeout: 30d
    then: [{id: old, send: old-friend}]
"""
    world = small("{event: Signed Up}", steps)
    world.profile = profile(traits={"first_seen_at": (START - 8 * DAY).isoformat()})
    world.event("Signed Up")
    world.pass_time(3 * DAY)
    (send,) = world.sends()
    assert (send.template, send.due_at) == ("old-friend", START + 2 * DAY)


def test_a_wait_for_a_condition_ends_when_the_contact_changes() -> None:
    steps = "[{id: wait, wait_until: {trait: vip, is: true}, timeout: 9d}, {id: hi, send: hi}]"
    world = small("{event: Signed Up}", steps)
    world.event("Signed Up")
    world.pass_time(hours(5))
    world.profile = profile(traits={"vip": True})
    world.event("Page Read")
    assert world.templates() == ["hi"]


def test_an_exit_step_ends_the_way_with_its_reason() -> None:
    steps = "[{id: stop, exit: enough}, {id: never, send: never}]"
    world = small("{event: Signed Up}", steps)
    world.event("Signed Up")
    assert world.reasons("exited") == ["enough"]
    assert world.sends() == []


def test_a_split_falls_by_its_weights_and_always_alike() -> None:
    node = starter("abandoned-cart").nodes["offer"]
    arms = node.arms  # type: ignore[attr-defined]
    found = Counter(chosen(arms, f"c{n}").variant for n in range(4_000))
    assert 0.42 < found["ten-percent"] / 4_000 < 0.48
    assert 0.08 < found["holdout"] / 4_000 < 0.12
    assert chosen(arms, "c1") == chosen(arms, "c1")


def test_who_is_held_out_gets_no_mail_and_still_counts() -> None:
    steps = """
  - id: half
    random_split:
      - {variant: mail, weight: 1, send: hello}
      - {variant: none, weight: 1, holdout: true}
"""
    more = "goal: {event: Order Completed, within: 5d, value: revenue}"
    seen = set()
    for number in range(20):
        world = small("{event: Signed Up}", steps, more)
        other = World(*world.journeys.every(), contact=f"c_{number}")
        other.event("Signed Up")
        other.pass_time(hours(1))
        other.order(revenue=10, currency="EUR")
        (goal,) = other.told("goal")
        held = other.reasons("exited") == ["holdout"]
        assert (goal.variant, len(other.sends())) == (("none", 0) if held else ("mail", 1))
        assert held or (other.sends()[0].step, other.sends()[0].variant) == ("half", "mail")
        seen.add(held)
    assert seen == {True, False}


def test_nobody_enters_a_paused_journey_and_runs_wait() -> None:
    steps = "[{id: a, send: one}, {id: b, delay: 1h}, {id: c, send: two}]"
    world = small("{event: Signed Up}", steps, "reentry: every_time")
    world.event("Signed Up")
    world.answer()
    world.pause("test")
    world.event("Signed Up")
    assert world.reasons("refused") == ["journey_paused"]
    world.pass_time(5 * DAY)
    assert world.templates() == ["one"]
    world.pause()
    world.pass_time(timedelta(minutes=5))
    assert world.templates() == ["one", "two"]
    assert world.words().count("the journey is paused") == 2


def test_what_a_paused_run_waits_for_may_still_come_and_may_still_end_it() -> None:
    world = World(starter("abandoned-cart"))
    world.cart("K")
    world.pass_time(hours(2))
    world.pause("abandoned-cart")
    world.delivery("Clicked")
    assert world.templates() == ["cart-reminder"]
    world.order(cart_id="K")
    assert world.reasons("exited") == ["Order Completed"]


def test_a_run_stays_on_the_version_it_began_with() -> None:
    old = written(
        "{journey: test, topic: newsletter, trigger: {event: Signed Up},"
        " steps: [{id: a, delay: 1h}, {id: b, send: old}]}"
    )
    new = written(
        "{journey: test, topic: newsletter, trigger: {event: Signed Up},"
        " steps: [{id: a, delay: 1h}, {id: c, send: new}]}",
        version=2,
    )
    world = World(old)
    world.event("Signed Up")
    world.journeys = Journeys([new], pinned=[old])
    world.pass_time(hours(1))
    assert world.templates() == ["old"]


def test_a_run_whose_journey_was_archived_and_cannot_be_read_ends() -> None:
    world = small("{event: Signed Up}", "[{id: a, delay: 1h}, {id: b, send: b}]")
    world.event("Signed Up")
    world.journeys = Journeys(archived={"test": 1})
    world.pass_time(hours(1))
    assert world.reasons("exited") == ["journey_archived"]


def test_a_mail_nobody_answers_for_does_not_hold_its_run_for_ever() -> None:
    world = small("{event: Signed Up}")
    world.event("Signed Up")
    world.pass_time(9 * DAY, answer=False)
    assert world.reasons("exited") == ["unanswered"]
    assert world.withdrawn() == [world.sends()[0].message]
    assert world.state.profile is None


def test_the_profile_is_kept_only_while_it_is_needed() -> None:
    world = World(starter("abandoned-cart"))
    world.event("Page Read")
    assert world.state.profile is None
    world.cart("K")
    assert isinstance(world.state.profile, Profile)
    world.pass_time(timedelta(days=5))
    assert world.state.profile is None


def test_a_contact_of_whom_nothing_is_left_is_blank() -> None:
    world = World(starter("abandoned-cart"))
    world.cart("K", value=1)
    world.pass_time(hours(2))
    assert world.state.blank
