"""At night a run waits: the mail is asked for in the morning, with what is known then."""

import pytest

from services.orchestrator.domain import missing
from tests.unit.orchestrator.world import World, hours, profile, starter, written

NIGHT = 'policy: {quiet_hours: "21:00-08:00"}'


def small(steps: str = "[{id: hello, send: welcome}]", more: str = NIGHT) -> World:
    """Of somebody in Tallinn, where it is 23:00."""
    text = (
        f"journey: test\ntopic: newsletter\ntrigger: {{event: Signed Up}}\n{more}\nsteps: {steps}\n"
    )
    return at_night(World(written(text)))


def at_night(world: World) -> World:
    world.now += hours(12)
    return world


def test_a_mail_waits_for_the_morning_and_explain_says_until_when() -> None:
    world = small()
    world.event("Signed Up")
    until = "waits until 2026-11-03 06:00:00 UTC, until quiet hours are over in Europe/Tallinn"
    assert world.words().endswith(f"step hello: {until}")
    world.pass_time(hours(8.9))
    assert world.sends() == []
    world.pass_time(hours(0.2))
    assert [mail.due_at for mail in world.sends()] == [world.now - hours(0.1)]
    assert world.reasons("exited") == ["finished"]


@pytest.mark.parametrize("zone", ["", "Tallinn"])
def test_explain_says_that_a_time_zone_is_not_known(zone: str) -> None:
    world = small()
    world.profile = profile(timezone=zone)
    world.event("Signed Up")
    assert "until 2026-11-03 08:00:00 UTC, until quiet hours are over in UTC (the " in world.words()


def test_it_has_what_was_put_into_the_cart_at_night() -> None:
    world = at_night(World(starter("abandoned-cart")))
    world.cart("K", name="Shirt")
    world.pass_time(hours(2))
    world.cart("K", product_id="p2", name="Boots")
    world.pass_time(hours(8))
    (mail,) = world.sends()
    assert {item["name"] for item in mail.data["cart"]["items"]} == {"Shirt", "Boots"}


def test_who_buys_at_night_is_not_reminded_in_the_morning() -> None:
    world = at_night(World(starter("abandoned-cart")))
    world.cart("K")
    world.pass_time(hours(2))
    world.order(cart_id="K")
    world.pass_time(hours(8))
    assert world.sends() == []
    assert world.reasons("exited") == ["Order Completed"]
    assert world.withdrawn() == []


@pytest.mark.parametrize(
    ("zone", "waits"),
    [("America/New_York", 0), ("Asia/Tokyo", 2), ("Europe/Tallinn", 9), ("", 11)],
)
def test_whose_time_zone_becomes_known_at_night_is_mailed_by_its_clock(
    zone: str, waits: int
) -> None:
    world = small()
    asked = world.now + hours(waits)
    world.event("Signed Up")
    world.profile = profile(timezone=zone)
    world.event("Page Read")
    world.event("Page Read")
    world.pass_time(hours(24))
    assert [mail.due_at for mail in world.sends()] == [asked]
    told = 1 if zone == "Europe/Tallinn" else 2
    assert world.words().count("until quiet hours are over") == told


def test_who_turns_out_to_live_elsewhere_is_mailed_by_that_clock() -> None:
    loser, winner = small(), at_night(World(contact="c_2", timezone="America/New_York"))
    winner.journeys = loser.journeys
    loser.event("Signed Up")
    winner.event("Page Read")
    loser.merge_into(winner)
    winner.event("Page Read")
    winner.pass_time(hours(2))
    assert [mail.contact for mail in winner.sends()] == ["c_2"]


@pytest.mark.parametrize(("expires", "paused"), [("24h", 22.5), ("10h", 11)])
def test_a_pause_that_took_the_morning_is_not_called_quiet_hours(
    expires: str, paused: float
) -> None:
    world = small(more=f'policy: {{expires_after: {expires}, quiet_hours: "21:00-08:00"}}')
    world.event("Signed Up")
    world.pause("test")
    world.pass_time(hours(paused))
    world.pause()
    world.pass_time(hours(1))
    assert world.reasons("skipped") == ["expired"]


def test_who_says_no_at_night_is_skipped_in_the_morning() -> None:
    world = small()
    world.event("Signed Up")
    world.profile = profile(consent={})
    world.event("Page Read")
    world.pass_time(hours(10))
    assert world.reasons("skipped") == ["no_consent"]


def test_a_night_that_is_longer_than_the_mail_is_good_for_skips_it() -> None:
    world = small(more='policy: {expires_after: 2h, quiet_hours: "21:00-08:00"}')
    world.event("Signed Up")
    assert world.reasons("skipped") == ["quiet_hours"]


def test_the_night_counts_for_how_long_a_mail_is_good() -> None:
    world = small(more='policy: {expires_after: 10h, quiet_hours: "21:00-08:00"}')
    world.event("Signed Up")
    expires = world.now + hours(10)
    world.pass_time(hours(9.5))
    assert [mail.not_after for mail in world.sends()] == [expires]


@pytest.mark.parametrize(
    ("own", "waits"), [("none", 0), ('"23:30-09:00"', 0), ('"22:00-06:30"', 7.5)]
)
def test_a_step_may_have_quiet_hours_of_its_own_or_none(own: str, waits: float) -> None:
    world = small(f"[{{id: a, send: a, quiet_hours: {own}}}, {{id: b, send: b}}]")
    asked = world.now + hours(waits)
    world.event("Signed Up")
    world.pass_time(hours(12))
    assert [mail.due_at for mail in world.sends()] == [asked, world.now - hours(3)]


@pytest.mark.parametrize(("own", "at_once"), [("", 0), (", quiet_hours: none", 1)])
def test_an_arm_of_a_split_has_its_journeys_quiet_hours_or_its_own(own: str, at_once: int) -> None:
    arms = f"{{variant: x, weight: 1, send: a{own}}}, {{variant: y, weight: 1, send: b{own}}}"
    world = small(f"[{{id: s, random_split: [{arms}]}}]")
    world.event("Signed Up")
    assert len(world.sends()) == at_once
    world.pass_time(hours(9))
    assert len(world.sends()) == 1


@pytest.mark.parametrize(("expires", "warnings"), [("6h", 1), ("11h", 1), ("12h", 0)])
def test_quiet_hours_that_outlast_the_mail_are_warned_about(expires: str, warnings: int) -> None:
    more = f'policy: {{expires_after: {expires}, quiet_hours: "21:00-08:00"}}'
    text = f"{{journey: t, topic: n, trigger: {{event: A}}, {more}, steps: [{{id: a, send: b}}]}}"
    said = missing(written(text), {"b": "n"}, ())
    assert len(said) == warnings
    assert all("who gets here in the evening is skipped" in line for line in said)


def test_who_signs_up_at_night_is_welcomed_at_night() -> None:
    world = at_night(World(starter("welcome")))
    world.segment("subscribers")
    assert [(mail.step, mail.windows) for mail in world.sends()] == [("hello", [])]


def test_a_wait_for_a_click_counts_from_when_the_mail_was_sent() -> None:
    click = "{id: read, wait_until: {email: clicked, step: hello}, timeout: 23h}"
    world = small(f"[{{id: hello, send: a}}, {click}, {{id: more, send: b, quiet_hours: none}}]")
    world.event("Signed Up")
    world.pass_time(hours(9 + 24))
    first, second = world.sends()
    assert second.due_at == first.due_at + hours(23)


def test_a_merge_at_night_keeps_the_mail_for_the_morning() -> None:
    loser, winner = small(), at_night(World(contact="c_2"))
    winner.journeys = loser.journeys
    loser.event("Signed Up")
    loser.merge_into(winner)
    winner.event("Page Read")
    winner.pass_time(hours(10))
    assert [mail.contact for mail in winner.sends()] == ["c_2"]
