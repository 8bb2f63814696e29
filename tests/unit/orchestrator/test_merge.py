"""Two contacts turn out to be one: one run a story, nothing lost, nothing sent twice."""

from datetime import timedelta
from typing import Any

from services.orchestrator.domain import Due, empty, transition
from services.orchestrator.domain.state import ContactState
from shared.contracts import ContactEvent, ContactsMerged, RunsHandedOver, Withdraw
from tests.unit.orchestrator.world import World, hours, profile, starter, written


def doors(name: str = "abandoned-cart") -> tuple[World, World]:
    """The same person by anonymousId and by userId."""
    return World(starter(name), contact="c_anon"), World(starter(name), contact="c_user")


def test_a_candidate_moves_and_becomes_a_run_of_the_winner() -> None:
    anon, user = doors()
    anon.cart("K")
    anon.merge_into(user)
    assert anon.state == ContactState(workspace="default", contact="c_anon", merged_into="c_user")
    user.pass_time(hours(1))
    assert user.templates() == ["cart-reminder"]
    assert user.sends()[0].contact == "c_user"


STRANGER: dict[str, Any] = {"email": "", "consent": {}, "traits": {}, "version": 3}


def _known_now(user: World) -> None:
    """Profile's word that the merge is done, with the profile of both."""
    given = ContactEvent(workspace="default", contact=user.state.contact, profile=user.profile)
    user.take(given)


def test_a_strangers_cart_waits_for_the_profile_of_who_logged_in() -> None:
    anon = World(starter("abandoned-cart"), contact="c_anon", **STRANGER)
    _, user = doors()
    anon.cart("K")
    anon.merge_into(user)
    user.pass_time(hours(2))
    assert user.templates() == []
    assert user.reasons("refused") == []
    _known_now(user)
    user.pass_time(hours(1))
    assert user.templates() == ["cart-reminder"]
    assert user.sends()[0].contact_version == user.profile.version


def test_a_strangers_cart_may_come_after_the_profile_of_who_logged_in() -> None:
    anon = World(starter("abandoned-cart"), contact="c_anon", **STRANGER)
    _, user = doors()
    anon.cart("K")
    _known_now(user)
    user.pass_time(hours(0.5))
    anon.merge_into(user)
    user.pass_time(hours(1))
    assert user.templates() == ["cart-reminder"]


def test_who_never_said_an_address_is_refused_in_the_end_and_nothing_is_kept() -> None:
    anon = World(starter("abandoned-cart"), contact="c_anon", **STRANGER)
    _, user = doors()
    anon.cart("K")
    anon.merge_into(user)
    user.pass_time(hours(30))
    assert user.reasons("refused") == ["missing_email"]
    _known_now(user)
    assert user.state.profile is not None
    user.pass_time(hours(30))
    assert user.state.profile is None


def test_two_candidates_of_one_cart_become_one_with_both_products() -> None:
    anon, user = doors()
    anon.cart("K", product_id="p1", name="Shirt")
    user.cart("K", product_id="p2", name="Socks")
    anon.merge_into(user)
    user.pass_time(hours(1))
    (send,) = user.sends()
    assert {item["name"] for item in send.data["cart"]["items"]} == {"Shirt", "Socks"}


def test_of_two_runs_of_one_cart_the_furthest_goes_on_and_the_others_mail_is_withdrawn() -> None:
    anon, user = doors()
    anon.cart("K")
    anon.pass_time(hours(3))
    user.pass_time(hours(1))
    user.cart("K")
    user.pass_time(hours(1.5), answer=False)
    user.pass_time(hours(0.5), answer=False)
    anon.merge_into(user)
    (run,) = [run for run in user.state.runs if run.live]
    assert run.id == anon.sends()[0].run
    assert user.reasons("exited") == ["merged"]
    assert user.withdrawn() == [user.sends()[0].message]


def test_a_withdrawal_goes_to_whom_the_mail_was_addressed() -> None:
    anon, user = doors()
    anon.cart("K")
    anon.pass_time(hours(1), answer=False)
    anon.merge_into(user)
    user.now = anon.now
    user.order(cart_id="K")
    assert [e.contact for e in user.effects if isinstance(e, Withdraw)] == ["c_anon"]


def test_the_word_about_the_losers_mail_reaches_the_run_at_the_winner() -> None:
    anon, user = doors()
    anon.cart("K")
    anon.pass_time(hours(1), answer=False)
    (send,) = anon.sends()
    anon.merge_into(user)
    user.now = anon.now
    user.delivery("Sent", send)
    user.delivery("Clicked", send)
    assert user.templates() == ["cart-questions"]


def test_an_order_at_one_door_ends_the_cart_at_the_other() -> None:
    anon, user = doors()
    anon.cart("K")
    anon.pass_time(hours(2))
    user.now = anon.now
    user.order(cart_id="K")
    anon.merge_into(user)
    assert user.reasons("exited") == ["Order Completed"]

    anon, user = doors()
    anon.cart("K")
    user.now += hours(0.5)
    user.order(cart_id="K")
    anon.merge_into(user)
    user.pass_time(hours(3))
    assert user.sends() == []
    assert user.reasons("refused") == ["converted"]


def test_a_once_journey_is_once_for_both() -> None:
    anon, user = doors("welcome")
    user.segment("subscribers")
    user.pass_time(timedelta(days=9))
    assert user.state.runs == ()
    anon.now = user.now
    anon.segment("subscribers")
    anon.answer()
    anon.merge_into(user)
    assert user.reasons("exited") == ["finished", "merged"]
    user.pass_time(timedelta(days=3))
    assert len(user.sends()) == 3


def test_the_winners_profile_stays() -> None:
    anon, user = doors()
    user.cart("K")
    anon.profile = profile(email="other@example.com")
    anon.cart("L")
    anon.merge_into(user)
    assert user.state.profile is not None
    assert user.state.profile.email == "maja@example.com"


def test_a_borrowed_profile_does_not_make_the_sender_wait_for_its_version() -> None:
    anon, user = doors()
    anon.cart("K")
    anon.merge_into(user)
    assert user.state.profile is not None
    assert user.state.profile.version == 0


def test_a_redirect_forwards_what_comes_late_and_does_nothing_else() -> None:
    first, second = doors()
    third = World(starter("abandoned-cart"), contact="c_third")
    second.merge_into(third)
    first.cart("K")
    merged = ContactsMerged(workspace="default", loser="c_anon", winner="c_user", at=first.now)
    (handed,) = first.take(merged)
    (forwarded,) = second.take(handed)  # type: ignore[arg-type]
    assert isinstance(forwarded, RunsHandedOver)
    assert (forwarded.contact, forwarded.loser) == ("c_third", "c_anon")
    assert second.cart("L") == []
    assert second.take(Due(horizon=second.now)) == []


def test_nothing_to_hand_over_makes_no_message() -> None:
    anon, _ = doors()
    merged = ContactsMerged(workspace="default", loser="c_anon", winner="c_user", at=anon.now)
    assert anon.take(merged) == []
    assert anon.state.merged_into == "c_user"
    assert anon.take(merged) == []


def test_two_who_were_each_told_to_become_the_other_do_not_go_round_for_ever() -> None:
    anon, user = doors()
    anon.cart("K")
    user.cart("L")
    states = {"c_anon": anon.state, "c_user": user.state}
    waiting: list[object] = []
    for loser, winner in (("c_anon", "c_user"), ("c_user", "c_anon")):
        merged = ContactsMerged(workspace="default", loser=loser, winner=winner, at=anon.now)
        states[loser], effects = transition(states[loser], merged, anon.journeys, anon.now)
        waiting += effects
    for _ in range(10):
        if not waiting:
            break
        handed = waiting.pop(0)
        assert isinstance(handed, RunsHandedOver)
        state, effects = transition(states[handed.contact], handed, anon.journeys, anon.now)
        states[handed.contact] = state
        waiting += effects
    assert waiting == []
    assert len(states["c_anon"].candidates) == 2
    assert states["c_user"].merged_into == "c_anon"


def test_keys_that_are_joined_later_join_the_runs() -> None:
    world = World(starter("abandoned-cart"))
    world.cart("K")
    world.event("Checkout Started", checkout_id="C", value=50, currency="EUR")
    world.pass_time(hours(2))
    assert len(world.told("entered")) == 2
    world.event("Cart Viewed", checkout_id="C", cart_id="K")
    assert world.reasons("exited") == ["merged"]


def test_of_one_form_one_mail_asks_when_two_become_one_and_of_two_forms_two() -> None:
    journey = written(
        "{journey: test, topic: newsletter, trigger: {event: Form Submitted, key: form},"
        " reentry: {after_period: 1d, per_key: true},"
        " steps: [{id: a, delay: 1h}, {id: b, send: b}]}"
    )
    for theirs, mails in (("fair", ["b", "b"]), ("news", ["b"])):
        anon, user = World(journey, contact="c_anon"), World(journey, contact="c_user")
        anon.event("Form Submitted", form="news")
        user.event("Form Submitted", form=theirs)
        anon.merge_into(user)
        user.pass_time(hours(1))
        assert user.templates() == mails


def test_every_entry_of_an_every_time_journey_goes_on() -> None:
    journey = written(
        "{journey: test, topic: newsletter, trigger: {event: Signed Up}, reentry: every_time,"
        " steps: [{id: a, delay: 1h}, {id: b, send: b}]}"
    )
    anon, user = World(journey, contact="c_anon"), World(journey, contact="c_user")
    anon.event("Signed Up")
    user.event("Signed Up")
    anon.merge_into(user)
    user.pass_time(hours(1))
    assert user.templates() == ["b", "b"]


def test_an_empty_contact_is_blank() -> None:
    assert empty("default", "c_1").blank
