"""The event that causes a merge comes before what the loser hands over, and waits for it."""

from datetime import timedelta

from services.orchestrator.domain import Due
from shared.contracts import Consent, ContactEvent
from tests.unit.orchestrator.world import START, World, hours, profile, starter, written

MOMENT = timedelta(seconds=1)
SIGNED_UP = """
journey: hello
topic: newsletter
trigger: {event: Signed Up}
reentry: once
steps: [{id: hello, send: hello}]
"""
WAITING = """
journey: hello
topic: newsletter
trigger: {event: Signed Up}
reentry: once
exit_when: [{event: Order Completed}]
goal: {event: Order Completed, within: 3d, value: revenue}
steps:
  - {id: hello, send: hello}
  - {id: page, wait_until: {event: Page Read}, timeout: 2d, then: [{id: thanks, send: thanks}]}
"""


def test_who_agreed_before_they_logged_in_is_not_refused() -> None:
    user = World(written(SIGNED_UP), contact="c_user", consent={})
    user.merging(lambda: user.event("Signed Up"))
    assert (user.told("refused"), user.told("entered")) == ([], [])
    agreed = {"newsletter": Consent(state="subscribed", at=START)}
    user.profile = profile(consent=agreed, version=8)
    user.take(ContactEvent(workspace="default", contact="c_user", profile=user.profile))
    user.pass_time(MOMENT)
    assert user.templates() == ["hello"]
    assert user.sends()[0].contact_version == 8


def test_the_order_that_merges_is_the_goal_of_the_losers_run_and_ends_it() -> None:
    anon = World(written(WAITING), contact="c_anon")
    user = World(written(WAITING), contact="c_user")
    anon.event("Signed Up")
    anon.pass_time(hours(1))
    user.now = anon.now
    user.merging(lambda: user.order(order_id="1", revenue=50, currency="EUR"))
    anon.merge_into(user)
    user.pass_time(MOMENT)
    assert (len(user.told("goal")), user.reasons("exited")) == (1, ["Order Completed"])


def test_what_the_losers_run_waits_for_is_heard() -> None:
    anon = World(written(WAITING), contact="c_anon")
    user = World(written(WAITING), contact="c_user")
    anon.event("Signed Up")
    anon.pass_time(hours(1))
    user.now = anon.now
    user.merging(lambda: user.event("Page Read"))
    anon.merge_into(user)
    user.pass_time(MOMENT)
    assert user.templates() == ["thanks"]


def test_the_answer_for_a_mail_that_overtakes_its_run_is_not_lost() -> None:
    anon = World(written(WAITING), contact="c_anon")
    user = World(written(WAITING), contact="c_user")
    anon.event("Signed Up")
    (send,) = anon.sends()
    user.merging(lambda: user.delivery("Sent", send))
    anon.merge_into(user)
    user.pass_time(MOMENT)
    (run,) = user.state.runs
    assert (run.node, run.mails[0].settled) == ("page", True)


def test_what_comes_after_it_waits_too_and_keeps_its_order() -> None:
    user = World(starter("abandoned-cart"), contact="c_user")
    user.merging(lambda: user.cart("K"))
    user.order(cart_id="K")
    assert len(user.state.waiting) == 2
    user.pass_time(hours(2))
    assert user.templates() == []
    assert not user.state.waiting
    assert user.state.waits_until is None


def test_it_waits_until_all_from_before_it_is_here_and_no_longer() -> None:
    user = World(written(SIGNED_UP), contact="c_user")
    user.merging(lambda: user.event("Signed Up"))
    assert user.wake() == user.now
    user.take(Due(horizon=user.now - MOMENT))
    assert user.templates() == []
    user.take(Due(horizon=user.now, transactional=True))
    assert user.templates() == ["hello"]


def test_a_contact_who_waits_and_is_merged_hands_over_what_waits() -> None:
    first = World(written(SIGNED_UP), contact="c_a")
    other = World(written(SIGNED_UP), contact="c_b")
    first.merging(lambda: first.event("Signed Up"))
    first.merge_into(other)
    other.pass_time(MOMENT)
    assert other.templates() == ["hello"]
    assert other.sends()[0].contact == "c_b"


def test_an_import_does_not_wait() -> None:
    user = World(starter("abandoned-cart"), contact="c_user")
    user.merging(lambda: user.event("Order Completed", origin="import", cart_id="K"))
    assert user.state.waiting == ()
