"""The starter's abandoned cart, from the shopper's side."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts import Consent
from tests.unit.orchestrator.world import START, World, hours, profile, starter


@pytest.fixture
def world() -> World:
    return World(starter("abandoned-cart"))


def test_a_cart_left_for_an_hour_gets_a_reminder(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(0.99))
    assert world.sends() == []
    world.pass_time(hours(0.02))
    (send,) = world.sends()
    assert (send.template, send.topic, send.step) == ("cart-reminder", "cart-reminders", "reminder")
    assert send.not_after == send.due_at + hours(12)
    assert send.data["contact"]["first_name"] == "Maja"
    assert send.data["contact"]["email"] == "maja@example.com"
    assert [item["name"] for item in send.data["cart"]["items"]] == ["Shirt"]
    assert send.data["cart"]["total"] == Decimal(50)
    assert send.data["event"]["cart_id"] == "K"


def test_every_further_product_starts_the_hour_anew(world: World) -> None:
    for _ in range(3):
        world.cart("K")
        world.pass_time(hours(0.9))
    assert world.sends() == []
    world.pass_time(hours(0.1))
    (send,) = world.sends()
    assert send.data["cart"]["items"][0]["quantity"] == 3


def test_who_does_not_click_gets_the_benefits_after_23_hours_and_the_offer_two_days_later(
    world: World,
) -> None:
    world.cart("K")
    world.pass_time(hours(1 + 23))
    assert world.templates() == ["cart-reminder", "cart-benefits"]
    world.pass_time(timedelta(days=2))
    assert world.templates()[2:] in (["cart-ten-percent"], ["cart-free-shipping"], [])
    assert world.reasons("exited") in (["finished"], ["holdout"])


def test_who_clicks_gets_help_at_once(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(3))
    world.delivery("Clicked")
    assert world.templates() == ["cart-reminder", "cart-questions"]


def test_a_machines_click_is_no_click(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(3))
    world.delivery("Clicked", verdict="machine")
    assert world.templates() == ["cart-reminder"]


def test_a_click_that_came_before_the_word_that_it_was_sent_counts(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(1.5), answer=False)
    world.delivery("Clicked")
    assert world.templates() == ["cart-reminder"]
    world.delivery("Sent", at=world.now - hours(0.1))
    assert world.templates() == ["cart-reminder", "cart-questions"]


def test_delays_count_from_when_the_mail_went_out(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(9), answer=False)
    world.delivery("Sent", at=world.now - hours(1))
    assert world.wake() == world.now - hours(1) + hours(23)


def test_an_order_in_the_quiet_hour_starts_nothing(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(0.5))
    world.order(order_id="1", cart_id="K")
    world.pass_time(hours(30))
    assert world.sends() == []
    assert world.reasons("refused") == ["converted"]


def test_an_order_of_another_cart_changes_nothing(world: World) -> None:
    world.cart("K")
    world.order(order_id="1", cart_id="L")
    world.pass_time(hours(2))
    assert world.templates() == ["cart-reminder"]


def test_an_order_without_a_cart_counts_for_all(world: World) -> None:
    world.cart("K")
    world.order(order_id="1")
    world.pass_time(hours(2))
    assert world.sends() == []


def test_a_cart_event_that_is_heard_of_after_the_order_starts_nothing(world: World) -> None:
    before = world.now
    world.pass_time(hours(0.2))
    world.order(order_id="1", cart_id="K")
    world.event("Product Added", at=before, cart_id="K", value=50, currency="EUR")
    world.pass_time(hours(30))
    assert world.sends() == []
    assert world.reasons("refused") == ["converted"]


def test_a_cart_filled_again_after_the_order_is_a_new_story(world: World) -> None:
    world.order(order_id="1", cart_id="K")
    world.pass_time(hours(0.2))
    world.cart("K")
    world.pass_time(hours(2))
    assert world.templates() == ["cart-reminder"]


def test_an_order_that_is_dated_a_little_too_early_still_ends_the_story(world: World) -> None:
    world.cart("K")
    world.event("Order Completed", at=world.now - hours(0.05), cart_id="K")
    world.pass_time(hours(2))
    assert world.sends() == []


def test_a_shop_that_invents_a_cart_with_every_event_does_not_fill_the_table(world: World) -> None:
    for number in range(50):
        world.cart(f"K{number}")
    world.pass_time(hours(2))
    assert len(world.sends()) == 20
    assert set(world.reasons("refused")) == {"over_run_limit"}


def test_a_cart_and_its_checkout_are_one_story(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(0.5))
    world.event("Checkout Started", checkout_id="C", cart_id="K", value=50, currency="EUR")
    world.pass_time(hours(1.1))
    assert world.templates() == ["cart-reminder"]
    world.order(order_id="1", checkout_id="C")
    assert world.reasons("exited") == ["Order Completed"]


def test_candidates_that_turn_out_to_be_one_story_become_one(world: World) -> None:
    world.cart("K")
    world.event("Checkout Started", checkout_id="C", value=50, currency="EUR")
    assert len(world.state.candidates) == 2
    world.event("Cart Viewed", checkout_id="C", cart_id="K")
    assert len(world.state.candidates) == 1
    world.pass_time(hours(2))
    assert world.templates() == ["cart-reminder"]


def test_two_carts_are_two_stories(world: World) -> None:
    world.cart("K")
    world.cart("L")
    world.pass_time(hours(2))
    assert world.templates() == ["cart-reminder", "cart-reminder"]
    world.order(order_id="1", cart_id="L")
    assert [event.key for event in world.told("exited")] == ["cart_id=L"]


def test_a_key_enters_once(world: World) -> None:
    world.cart("K")
    world.pass_time(timedelta(days=4))
    world.cart("K")
    world.pass_time(hours(2))
    assert world.reasons("refused") == ["already_entered"]


def test_more_in_the_cart_shows_in_the_next_mail_and_starts_no_second_run(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(2))
    world.cart("K", product_id="p2", name="Socks", value=9)
    world.pass_time(hours(24))
    names = [item["name"] for item in world.sends()[1].data["cart"]["items"]]
    assert names == ["Shirt", "Socks"]
    assert len(world.told("entered")) == 1


def test_a_small_cart_is_left_alone_and_explain_says_so(world: World) -> None:
    world.cart("K", value=10)
    world.pass_time(hours(2))
    assert world.told("refused") == []
    assert "`where`" in world.words()


def test_where_looks_at_the_newest_event_that_has_the_property(world: World) -> None:
    world.cart("K", value=50)
    world.pass_time(hours(0.1))
    world.event("Checkout Started", cart_id="K")
    world.pass_time(hours(2))
    assert world.templates() == ["cart-reminder"]


def test_money_in_another_currency_is_not_there(world: World) -> None:
    world.cart("K", currency="SEK")
    world.pass_time(hours(2))
    assert world.sends() == []


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ({"consent": {}}, "no_consent"),
        ({"consent": {"cart-reminders": Consent(state="pending", at=START)}}, "no_consent"),
        ({"consent": {"cart-reminders": Consent(state="unsubscribed", at=START)}}, "unsubscribed"),
        ({"email": ""}, "missing_email"),
    ],
)
def test_nobody_enters_without_an_address_and_consent(missing: dict[str, Any], reason: str) -> None:
    world = World(starter("abandoned-cart"), **missing)
    world.cart("K")
    world.pass_time(hours(2))
    assert world.sends() == []
    assert world.reasons("refused") == [reason]
    assert reason in world.words()


def test_consent_taken_back_skips_the_mails_that_were_to_come(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(2))
    world.profile = profile(consent={})
    world.event("Page Read")
    world.pass_time(timedelta(days=4))
    assert world.templates() == ["cart-reminder"]
    assert set(world.reasons("skipped")) == {"no_consent"}


def test_an_order_withdraws_the_mail_that_still_waits_to_be_sent(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(2), answer=False)
    world.order(order_id="1", cart_id="K")
    assert world.withdrawn() == [world.sends()[0].message]


def test_a_mail_that_was_sent_is_not_withdrawn(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(2))
    world.order(order_id="1", cart_id="K")
    assert world.withdrawn() == []


def test_a_goal_is_worth_the_orders_revenue_also_after_the_end(world: World) -> None:
    world.cart("K")
    world.pass_time(timedelta(days=4))
    assert len(world.told("exited")) == 1
    world.order(order_id="1", cart_id="K", revenue=Decimal("41.50"), total=50, currency="EUR")
    (goal,) = world.told("goal")
    assert goal.value == {"amount": Decimal("41.50"), "currency": "EUR", "property": "revenue"}
    assert world.state.runs == ()


def test_an_order_after_the_goals_window_is_nobodys(world: World) -> None:
    world.cart("K")
    world.pass_time(timedelta(days=5, hours=2))
    assert world.state.runs == ()
    world.order(order_id="1", cart_id="K", revenue=40, currency="EUR")
    assert world.told("goal") == []


def test_an_import_starts_wakes_and_sends_nothing(world: World) -> None:
    world.event("Product Added", origin="import", cart_id="K", value=50, currency="EUR")
    world.pass_time(hours(30))
    assert world.effects == []
    assert world.state.blank


def test_an_imported_order_still_ends_the_run(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(2))
    world.event("Order Completed", origin="import", cart_id="K")
    assert world.reasons("exited") == ["Order Completed"]
    assert world.told("goal") == []


def test_old_events_mail_nobody(world: World) -> None:
    old = world.now - hours(24.5)
    world.event("Product Added", at=old, cart_id="K", value=50, currency="EUR")
    world.pass_time(hours(3))
    assert world.sends() == []
    assert world.reasons("refused") == ["too_old"]


def test_a_late_event_is_quiet_from_when_it_happened(world: World) -> None:
    at = world.now - hours(0.75)
    world.event("Product Added", at=at, cart_id="K", value=50, currency="EUR")
    assert world.wake() == at + hours(1)


def test_a_skipped_mail_does_not_stop_the_story(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(1.1), answer=False)
    world.delivery("Skipped", reason="frequency_capped")
    assert world.reasons("skipped") == ["frequency_capped"]
    world.pass_time(hours(24))
    assert world.templates() == ["cart-reminder", "cart-benefits"]


def test_repeated_and_late_deliveries_change_nothing(world: World) -> None:
    world.cart("K")
    world.pass_time(hours(2))
    state = world.state
    for event in ("Sent", "Failed", "Skipped", "Delivered", "Bounced", "Delayed"):
        assert world.delivery(event) == []
    assert world.state == state
