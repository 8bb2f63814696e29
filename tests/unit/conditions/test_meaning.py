"""What conditions mean where a stranger might guess otherwise."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from shared.conditions import (
    Facts,
    Occurrence,
    bucket,
    compiled,
    evaluate,
    fold,
    matches,
    needs,
    parse,
    parse_where,
    segments,
    states,
)
from shared.conditions.history import MAX_KEPT
from shared.contracts.codec import plain

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MICRO = timedelta(microseconds=1)
EUR_50 = {"property": "total", "gte": 50, "currency": "EUR"}


def holds(asked: dict[str, Any], **known: Any) -> bool:
    return evaluate(parse(asked), Facts(contact="c1", **known), NOW).holds


def order(days_ago: int, total: object = None, currency: str = "EUR") -> Occurrence:
    properties = {} if total is None else {"total": total, "currency": currency}
    return Occurrence(
        kind="event", name="Order Completed", at=NOW - days_ago * DAY, properties=properties
    )


def after(asked: dict[str, Any], *past: Occurrence) -> Facts:
    facts = Facts(contact="c1", aggregates={})
    for spec in needs(parse(asked)):
        state = None
        for one in past:
            state = fold(state, spec, one)
        if state is not None:
            facts.aggregates[spec.key] = state
    return facts


@pytest.mark.parametrize(
    ("asked", "traits", "expected"),
    [
        ({"trait": "x", "is": "a"}, {"x": "a"}, True),
        ({"trait": "x", "is": "a"}, {"x": "A"}, False),
        ({"trait": "x", "is_not": "a"}, {}, True),
        ({"trait": "x", "not_in": ["a"]}, {}, True),
        ({"trait": "x", "exists": False}, {"x": None}, True),
        ({"trait": "x", "exists": True}, {"x": ""}, True),
        ({"trait": "x", "is": 1}, {"x": True}, False),
        ({"trait": "x", "is": True}, {"x": 1}, False),
        ({"trait": "x", "is": True}, {"x": "true"}, False),
        ({"trait": "x", "is": "1"}, {"x": 1}, False),
        ({"trait": "x", "is": 1}, {"x": "1.00"}, True),
        ({"trait": "x", "gte": 0.1}, {"x": Decimal("0.1")}, True),
        ({"trait": "x", "gte": 18, "lt": 65}, {"x": 64}, True),
        ({"trait": "x", "gte": 18, "lt": 65}, {"x": 65}, False),
        ({"trait": "x", "between": [1, 2]}, {"x": 2}, True),
        ({"trait": "x", "lt": 5}, {}, False),
        ({"trait": "x", "lt": 5}, {"x": "few"}, False),
        ({"trait": "x", "contains": "boots"}, {"x": "red boots"}, True),
        ({"trait": "x", "contains": "red"}, {"x": ["red boots"]}, False),
        ({"trait": "x", "contains": "red"}, {"x": ["blue", "red"]}, True),
        ({"trait": "x", "contains": 2}, {"x": [1, 2]}, True),
        ({"trait": "a.b", "is": "c"}, {"a": {"b": "c"}}, True),
        ({"trait": "a.b", "is": "c"}, {"a.b": "c"}, True),
        ({"trait": "a.b", "is": "c"}, {"a": "c"}, False),
        ({"trait": "r", "gte": 5, "currency": "EUR"}, {"r": {"EUR": "5.00"}}, True),
        ({"trait": "r", "gte": 5, "currency": "EUR"}, {"r": {"SEK": 50}}, False),
        ({"trait": "r", "gte": 5, "currency": "EUR"}, {"r": 5}, False),
        ({"trait": "r", "gte": 5, "currency": "EUR"}, {"r": 5, "currency": "EUR"}, True),
        ({"trait": "t", "before": "2026-01-01"}, {"t": "2025-12-31T23:59:59Z"}, True),
        ({"trait": "t", "before": "2026-01-01"}, {"t": "2026-01-01"}, False),
        ({"trait": "t", "after": "2026-01-01T01:00:00+02:00"}, {"t": "2025-12-31T23:30Z"}, True),
        ({"trait": "t", "older_than": "1d"}, {"t": "2026-05-31T12:00:00Z"}, True),
        ({"trait": "t", "older_than": "1d"}, {"t": "2026-05-31T12:00:00.000001Z"}, False),
        ({"trait": "t", "in_last": "1d"}, {"t": "2026-05-31T12:00:00.000001Z"}, True),
        ({"trait": "t", "in_last": "1d"}, {"t": "yesterday"}, False),
        ({"trait": "t", "older_than": "1d"}, {}, False),
    ],
)
def test_traits(asked: dict[str, Any], traits: dict[str, Any], expected: bool) -> None:
    assert holds(asked, traits=traits) is expected


def test_equal_looking_conditions_of_different_kinds_are_not_taken_for_each_other() -> None:
    number, flag = parse({"trait": "x", "is": 1}), parse({"trait": "x", "is": True})
    assert number != flag
    assert compiled(number)(Facts(contact="c", traits={"x": 1}), NOW).holds
    assert not compiled(flag)(Facts(contact="c", traits={"x": 1}), NOW).holds


def test_segments_lists_and_consent() -> None:
    assert holds({"segment": "vip"}, segments={"vip"})
    assert not holds({"list": "news"}, lists=["other"])
    assert holds({"consent": {"topic": "m", "is": "never_subscribed"}})
    assert holds(
        {"consent": {"topic": "m", "in": ["pending", "subscribed"]}}, consent={"m": "pending"}
    )
    assert segments(parse({"not": {"any": [{"segment": "vip"}, {"list": "a"}]}})) == {"vip"}


def test_an_event_leaves_its_window_at_the_very_instant() -> None:
    asked = {"not": {"event": "Order Completed", "in_last": "90d"}}
    facts = after(asked, order(10))
    gone = NOW + 80 * DAY
    assert evaluate(parse(asked), facts, NOW) == (False, gone)
    assert evaluate(parse(asked), facts, gone - MICRO) == (False, gone)
    assert evaluate(parse(asked), facts, gone) == (True, None)


def test_a_late_event_counts_when_it_happened_not_when_it_came() -> None:
    asked = {"event": "Order Completed", "count": {"gte": 2}, "in_last": "30d"}
    assert evaluate(parse(asked), after(asked, order(1), order(2), order(29)), NOW).changes_at == (
        NOW + 28 * DAY
    )


def test_all_waits_for_the_last_of_those_that_do_not_hold() -> None:
    asked = {
        "all": [
            {"not": {"event": "Order Completed", "in_last": "20d"}},
            {"not": {"event": "Order Completed", "in_last": "30d"}},
        ]
    }
    assert evaluate(parse(asked), after(asked, order(10)), NOW).changes_at == NOW + 20 * DAY


def test_an_answer_that_can_never_change_sets_no_timer() -> None:
    asked = {"all": [{"segment": "vip"}, {"event": "Order Completed", "in_last": "30d"}]}
    assert evaluate(parse(asked), after(asked, order(10)), NOW) == (False, None)


def test_sums_are_exact_and_per_currency() -> None:
    asked = {
        "event": "Order Completed",
        "sum": {"property": "total", "is": Decimal("0.3"), "currency": "EUR"},
    }
    past = [order(1, 0.1), order(2, Decimal("0.2")), order(3, 9, "SEK"), order(4), order(5, "x")]
    assert evaluate(parse(asked), after(asked, *past), NOW).holds


def test_the_sum_of_nothing_is_zero() -> None:
    asked = {"event": "Order Completed", "sum": {"property": "n", "lt": 1}, "in_last": "9d"}
    assert holds(asked)


def test_a_sum_in_a_window_knows_the_newest_two_hundred() -> None:
    asked = {
        "event": "Order Completed",
        "sum": {"property": "n", "gte": MAX_KEPT + 1},
        "in_last": "9d",
    }
    one = Occurrence(kind="event", name="Order Completed", at=NOW, properties={"n": 1})
    facts = after(asked, *[one] * (MAX_KEPT + 1))
    assert not evaluate(parse(asked), facts, NOW).holds
    assert len(msgspec.json.encode(facts.aggregates)) < 8_000


def test_an_amount_too_large_to_be_exact_is_not_counted() -> None:
    asked = {"event": "Order Completed", "sum": {"property": "n", "is": 1}}
    huge = [
        order(1, 0),
        *(
            Occurrence(kind="event", name="Order Completed", at=NOW, properties={"n": n})
            for n in (1, "1e40", Decimal("1E+30"), Decimal("NaN"), 10**400, True)
        ),
    ]
    assert evaluate(parse(asked), after(asked, *huge), NOW).holds


def test_several_events_in_one_leaf_are_counted_together() -> None:
    asked = {"event": ["Product Viewed", "Order Completed"], "count": {"is": 2}}
    viewed = Occurrence(kind="event", name="Product Viewed", at=NOW)
    assert evaluate(parse(asked), after(asked, viewed, order(1)), NOW).holds


def test_machines_open_nothing_unless_asked_for() -> None:
    machine = Occurrence(kind="email", name="opened", at=NOW, step="a", human=False)
    for by, expected in (("people", False), ("any", True)):
        asked = {"email": "opened", "step": "a", "by": by}
        assert evaluate(parse(asked), after(asked, machine), NOW).holds is expected


def test_leaves_that_need_the_same_memory_share_it() -> None:
    asked = {
        "any": [
            {"event": "Order Completed", "in_last": "30d"},
            {"not": {"event": "Order Completed", "in_last": "90d", "count": {"lt": 1}}},
            {"event": ["Order Completed"], "in_last": "9d", "count": {"gte": 1}},
        ]
    }
    assert len(needs(parse(asked))) == 1


def test_a_key_stays_the_same_for_ever() -> None:
    where = {"total": {"gte": Decimal("50.00"), "currency": "EUR"}, "channel": ["web", "app"]}
    asked = {"event": "Order Completed", "where": where, "in_last": "9d", "count": {"gte": 2}}
    again = {
        **asked,
        "where": {"channel": ["app", "web", "web"], "total": {"currency": "EUR", "gte": 50}},
    }
    (spec,), (same,) = needs(parse(asked)), needs(parse(again))
    assert spec == same
    # Stored in every contact's row: if this changes, all profiles forget.
    assert spec.key == same.key == "e0b88cb2973af6b5"


def test_states_come_back_from_the_plain_data_of_a_profile() -> None:
    asked = {"event": "Order Completed", "sum": EUR_50, "in_last": "9d"}
    facts = after(asked, order(1, Decimal("49.50")), order(2, 1))
    assert states(plain(facts.aggregates)) == facts.aggregates


def test_a_tenth_of_all_is_about_a_tenth_and_another_salt_is_another_tenth() -> None:
    people = [f"contact-{number}" for number in range(5_000)]
    tenth = parse({"random": {"bucket": [0, 9]}})
    inside = {who for who in people if evaluate(tenth, Facts(contact=who), NOW).holds}
    other = {who for who in people if bucket(who, "spring") < 10}
    assert 400 < len(inside) < 600
    assert 20 < len(inside & other) < 90


def test_where_asks_of_properties() -> None:
    where = parse_where({"total": {"gte": 50, "currency": "EUR"}, "channel": "web"})
    assert matches(where, {"total": Decimal("50.00"), "currency": "EUR", "channel": "web"})
    assert not matches(where, {"total": 99, "currency": "SEK", "channel": "web"})
    assert not matches(where, {"total": 99, "channel": "web"})
    assert matches(
        parse_where({"order.total": {"gte": 5, "currency": "EUR"}}),
        {"order": {"total": 5, "currency": "EUR"}},
    )
