"""The synthetic shop: the same every time, never from the future, people and machines apart."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from deploy.local.shop import stories
from deploy.local.shop.calls import Call
from deploy.local.shop.cast import Plan, plan
from deploy.local.shop.people import person
from deploy.local.shop.reader import APPLE, Deed, Mail, Readers

BEGIN = datetime(2026, 3, 2, 6, tzinfo=UTC)
SMALL = 300


def shop(seed: int = 7) -> Plan:
    return plan(seed=seed, people=SMALL, begin=BEGIN, days=5)


@pytest.fixture(scope="module")
def planned() -> Plan:
    return shop()


def test_a_seed_is_one_shop(planned: Plan) -> None:
    assert shop() == planned
    assert shop(8) != planned


def test_every_call_has_an_id_of_its_own(planned: Plan) -> None:
    calls = [*planned.live, *(call for calls in planned.history for call in calls)]
    assert Counter(call.message_id for call in calls).most_common(1)[0][1] == 1


def test_history_ends_where_life_begins(planned: Plan) -> None:
    for calls in planned.history:
        assert [call.at for call in calls] == sorted(call.at for call in calls)
        assert BEGIN - timedelta(days=120) < calls[0].at
        assert calls[-1].at < BEGIN
    assert all(BEGIN < call.at < planned.end for call in planned.live)
    assert [call.at for call in planned.live] == sorted(call.at for call in planned.live)


def test_everybody_in_the_history_is_known_by_a_user_id(planned: Plan) -> None:
    assert len(planned.history) == SMALL
    assert all("userId" in call.body for calls in planned.history for call in calls)
    assert len({calls[0].person.email for calls in planned.history}) == SMALL


def test_nobody_in_the_history_falls_silent_just_before_life_begins(planned: Plan) -> None:
    """An import mails nobody, but ninety days that end after it are the shop's own time."""
    ends = [
        max(call.at for call in calls if call.body.get("event") == "Order Completed")
        + timedelta(days=90)
        for calls in planned.history
        if any(call.body.get("event") == "Order Completed" for call in calls)
    ]
    assert not [at for at in ends if BEGIN - timedelta(days=1) < at < BEGIN]
    assert [at for at in ends if BEGIN < at < planned.end]


STORIES = [
    stories.browses,
    stories.joins,
    stories.joins_without_consent,
    stories.leaves_cart,
    stories.leaves_cart_then_logs_in,
    stories.leaves_cart_unknown,
    stories.leaves_small_cart,
    stories.buys,
    stories.falls_silent,
    stories.returns,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_story_is_told_in_the_order_of_time(story: stories.Story) -> None:
    for number in range(50):
        calls = [*story(Random(number), person(7, number, euro=True), BEGIN)]
        assert all(a.at < b.at for a, b in pairwise(calls))
        assert {call.person.number for call in calls} <= {number}


def test_nobody_shops_in_the_small_hours() -> None:
    who = person(7, 1)
    for hour in range(24):
        at = stories.awake(BEGIN + timedelta(hours=hour), who)
        assert at >= BEGIN + timedelta(hours=hour)


def mail(to: str, step: str, journey: str = "welcome") -> Mail:
    links = ("https://fjord.example", "https://mail.example/u/token")
    return Mail(f"id-{to}-{step}", to, {"journey": journey, "step": step}, links, BEGIN)


def reactions(many: int = 400) -> list[tuple[Mail, list[Deed | Call]]]:
    people = [person(7, number) for number in range(many)]
    readers = Readers(7, {who.email: who for who in people})
    mails = [mail(who.email, "hello") for who in people]
    return [(one, readers.react(one, BEGIN + timedelta(minutes=5))) for one in mails]


def test_the_same_mail_is_read_the_same_way() -> None:
    assert reactions() == reactions()


def test_people_take_their_time_and_machines_do_not() -> None:
    for _, actions in reactions():
        for action in actions:
            if isinstance(action, Call) or action.by == "human":
                assert action.at >= BEGIN + timedelta(minutes=10)
            elif action.did == "click":
                assert action.at <= BEGIN + timedelta(seconds=2)


def test_people_click_what_the_shop_sells_and_never_the_way_out() -> None:
    links = {
        action.link
        for _, actions in reactions()
        for action in actions
        if isinstance(action, Deed) and action.did == "click" and action.by == "human"
    }
    assert links == {"https://fjord.example"}


def test_there_is_something_of_everything() -> None:
    did = Counter(
        (action.did, action.by)
        for _, actions in reactions(2000)
        for action in actions
        if isinstance(action, Deed)
    )
    assert set(did) == {
        ("open", "human"),
        ("open", "machine"),
        ("click", "human"),
        ("click", "machine"),
        ("unsubscribe", "human"),
        ("complain", "human"),
    }


def test_apples_prefetch_is_a_machine() -> None:
    agents = {
        action.user_agent
        for _, actions in reactions()
        for action in actions
        if isinstance(action, Deed) and (action.did, action.by) == ("open", "machine")
    }
    assert agents == {APPLE}


def test_an_order_after_a_click_comes_once_and_after_it() -> None:
    who = person(7, 3)
    readers = Readers(7, {who.email: who})
    orders = []
    for number in range(200):
        actions = readers.react(mail(who.email, f"step-{number}"), BEGIN)
        calls = [a for a in actions if isinstance(a, Call) and "Completed" in a.body["event"]]
        clicks = [a for a in actions if isinstance(a, Deed) and (a.did, a.by) == ("click", "human")]
        assert all(clicks[0].at < call.at for call in calls)
        orders += calls
    assert len(orders) == 1


def test_who_buys_anyway_does_not_buy_because_of_a_mail() -> None:
    who = person(7, 3)
    readers = Readers(7, {who.email: who}, {who.user_id})
    actions = [a for n in range(200) for a in readers.react(mail(who.email, f"s{n}"), BEGIN)]
    assert not [action for action in actions if isinstance(action, Call)]
