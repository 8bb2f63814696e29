"""Which mail won which order: the last human click within five days, by event time."""

from decimal import Decimal
from typing import Any

from shared.contracts.keys import message_id
from tests.unit.metrics.facts import JOURNEY, mail, merge, order, shop
from tests.unit.metrics.store import Store

DAY = 24


def after_all(*inputs: object) -> Store:
    """Each in a batch of its own."""
    store = Store()
    for message in inputs:
        store.batch([message])  # type: ignore[list-item]
    return store


def winners(store: Store) -> dict[str, str]:
    return {o.order_id: o.message for o in store.rows.orders.values() if o.message}


def number(store: Store, name: str, detail: str = "") -> Any:
    net = store.net().items()
    return sum((v for k, v in net if (k.name, k.detail) == (name, detail)), Decimal(0))


M1, M2 = message_id("r1", "reminder"), message_id("r2", "reminder")


def click(contact: str, run: str, hours: float, by: str = "human") -> object:
    return mail(contact, run, "Clicked", hours, by=by)


def test_five_days_to_the_second_count_and_one_microsecond_more_does_not() -> None:
    inside = after_all(click("a", "r1", 0), order("a", "o", 5 * DAY))
    assert winners(inside) == {"o": M1}
    outside = after_all(click("a", "r1", 0), order("a", "o", 5 * DAY + 1e-3 / 3600))
    assert winners(outside) == {}


def test_the_last_click_before_the_order_wins() -> None:
    store = after_all(click("a", "r1", 1), click("a", "r2", 2), order("a", "o", 3))
    assert winners(store) == {"o": M2}


def test_a_click_after_the_order_has_no_part_in_it() -> None:
    store = after_all(click("a", "r1", 1), click("a", "r2", 4), order("a", "o", 3))
    assert winners(store) == {"o": M1}


def test_machines_win_nothing() -> None:
    assert winners(after_all(click("a", "r1", 1, "machine"), order("a", "o", 3))) == {}


def test_a_click_that_is_heard_late_takes_the_order_over_and_that_is_a_correction() -> None:
    store = after_all(click("a", "r1", 1), order("a", "o", 3), click("a", "r2", 2))
    assert winners(store) == {"o": M2}
    assert number(store, "converted") == 1
    assert sum(v for k, v in store.gained.items() if k.name == "converted") == 2
    assert sum(v for k, v in store.lost.items() if k.name == "converted") == 1


def test_two_orders_of_one_mail_are_one_conversion() -> None:
    store = after_all(click("a", "r1", 1), order("a", "o", 3), order("a", "p", 4, "20"))
    assert (number(store, "converted"), number(store, "orders")) == (1, 2)
    assert number(store, "revenue", "EUR") == 70


def test_a_refund_and_a_cancellation_leave_the_revenue_and_are_told_beside_it() -> None:
    refund = shop("a", "Order Refunded", 5, order_id="o", revenue="20", currency="EUR")
    bought = click("a", "r1", 1), order("a", "o", 3)
    some = after_all(*bought, refund)
    assert number(some, "revenue", "EUR") == 50
    assert number(some, "refunded", "EUR") == 20
    every = after_all(*bought, refund, shop("a", "Order Cancelled", 6, order_id="o"))
    assert number(every, "refunded", "EUR") == 50


def test_what_the_loser_of_a_merge_clicked_wins_the_winners_order() -> None:
    for told in (
        (click("anon", "r1", 1), merge("anon", "ann", 2), order("ann", "o", 3)),
        (order("ann", "o", 3), click("anon", "r1", 1), merge("anon", "ann", 2)),
        (merge("anon", "ann", 2), order("ann", "o", 3), click("ann", "r1", 1)),
        (click("ann", "r1", 1), order("anon", "o", 3), merge("anon", "ann", 4)),
    ):
        assert winners(after_all(*told)) == {"o": M1}


def test_one_order_told_by_both_contacts_of_a_person_is_one() -> None:
    told = click("a", "r1", 1), order("a", "o", 3), order("b", "o", 3), merge("a", "b", 4)
    store = after_all(*told)
    assert (number(store, "orders"), number(store, "revenue", "EUR")) == (1, 50)
    assert {o.contact for o in store.rows.orders.values()} == {"b"}


def test_an_order_without_money_converts() -> None:
    store = after_all(click("a", "r1", 1), shop("a", "Order Completed", 3, order_id="o"))
    assert number(store, "converted") == 1
    assert not [k for k in store.net() if k.name == "revenue"]


def test_workspaces_know_nothing_of_each_other() -> None:
    theirs = order("a", "o", 3), shop("a", "Order Completed", 3, "x", "other", order_id="o")
    store = after_all(click("a", "r1", 1), *theirs, merge("a", "b", 4, "other"))
    assert [(k.workspace, k.journey) for k in store.net() if k.name == "orders"] == [
        ("default", JOURNEY)
    ]
