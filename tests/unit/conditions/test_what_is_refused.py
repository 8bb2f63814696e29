"""A condition with a fault is refused with its place, what is wrong, and what was meant."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.conditions import Condition, ConditionError, parse, parse_where

ORDER = {"event": "Order Completed"}


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (
            {"all": [{"segment": "a"}, {"segment": "b"}, {**ORDER, "count": {"gtee": 2}}]},
            "who.all[2].count.gtee: unknown operator 'gtee'; did you mean 'gte'?",
        ),
        ({"al": []}, "who.al: unknown condition 'al'; did you mean 'all'?"),
        ({"trait": "country", "iss": "SE"}, "who.iss: unknown operator 'iss'; did you mean 'is'?"),
        ({**ORDER, "in_lst": "9d"}, "who.in_lst: unknown key 'in_lst'; did you mean 'in_last'?"),
        ({"email": "open"}, "who.email: unknown state of an e-mail 'open'; did you mean 'opened'?"),
        ({"email": "opened", "by": "all"}, "who.by: unknown reader 'all'"),
        ({"email": "sent", "by": "any"}, "who.by: only for opened and clicked"),
        (
            {"consent": {"topic": "marketing", "is": "subscribd"}},
            "who.consent.is: unknown consent state 'subscribd'; did you mean 'subscribed'?",
        ),
        ({"consent": "marketing"}, "who.consent: no topic; write {topic: marketing, is: sub"),
        ({"consent": {"topic": "marketing"}}, "who.consent: nothing is asked"),
        ({"not": {"not": {"trait": "x"}}}, "who.not.not: nothing is asked; add an operator"),
        ({"not": [ORDER]}, "who.not: not a condition; for several write all: [...] or any"),
        ({"all": []}, "who.all: not a list of conditions"),
        ({"all": ORDER}, "who.all: not a list of conditions"),
        ({"all": [ORDER], "in_last": "9d"}, "who.in_last: unknown key 'in_last'; known: all"),
        ({"segment": "a", "list": "b"}, "who: segment and list in one condition; join them"),
        ({}, "who: an empty condition"),
        ("vip", "who: not a condition; such as {trait: country, is: SE}"),
        (None, "who: not a condition"),
        ({1: 2}, "who.1: unknown condition '1'"),
        ({"segment": 7}, "who.segment: not a name: 7; quote it if it is a number"),
        ({"event": []}, "who.event: no event's name"),
        ({**ORDER, "in_last": "90 days"}, "who.in_last: not a duration: '90 days'; write 90d, 12h"),
        ({**ORDER, "in_last": 90}, "who.in_last: not a duration: 90; write 90d, 12h, 30m or 45s"),
        ({**ORDER, "in_last": "0d"}, "who.in_last: not a duration"),
        ({**ORDER, "in_last": "99999d"}, "who.in_last: not a duration"),
        ({**ORDER, "in_last": "1 day"}, "who.in_last: not a duration"),
        ({**ORDER, "in_last": "9d", "older_than": "1d"}, "who: in_last and older_than in one"),
        ({**ORDER, "count": 2}, "who.count: not a mapping: 2; write {gte: 2}"),
        ({**ORDER, "count": {"gte": 1.5}}, "who.count.gte: not a whole number from 0 on"),
        ({**ORDER, "count": {"gte": -1}}, "who.count.gte: not a whole number from 0 on"),
        ({**ORDER, "count": {"gte": "two"}}, "who.count.gte: not a number: 'two'"),
        ({**ORDER, "count": {"gte": True}}, "who.count.gte: not a number: True"),
        ({**ORDER, "count": {"gte": 500}, "in_last": "9d"}, "who.count.gte: counts up to 199"),
        ({**ORDER, "count": {"gte": 2, "currency": "EUR"}}, "who.count.currency: unknown operator"),
        ({**ORDER, "count": {"gte": 2}, "sum": {}}, "who: count and sum in one condition"),
        ({**ORDER, "sum": {"gte": 2}}, "who.sum: no property; {property: total, gte: 500"),
        ({**ORDER, "sum": {"property": "total", "gte": 2}}, "who.sum: 'total' is money; say which"),
        ({**ORDER, "sum": {"property": "n", "is": "two"}}, "who.sum.is: not a number"),
        (
            {**ORDER, "sum": {"property": "n", "gte": 2}, "older_than": "9d"},
            "who.sum: not beside older_than",
        ),
        ({**ORDER, "first": {"in_lst": "9d"}}, "who.first.in_lst: unknown operator 'in_lst'"),
        ({**ORDER, "first": "9d"}, "who.first: not a mapping: '9d'; write {in_last: 30d}"),
        ({**ORDER, "last": {"in_last": "9d"}, "in_last": "9d"}, "who.in_last: not beside last"),
        ({**ORDER, "not_followed_by": {}}, "who.not_followed_by: 'not_followed_by' is not supp"),
        ({"email": "clicked", "link_topic": "x"}, "who.link_topic: 'link_topic' is not supported"),
        ({**ORDER, "where": {"total": {"gte": 5}}}, "who.where.total: 'total' is money; say which"),
        ({**ORDER, "where": {"seen": {"in_last": "9d"}}}, "who.where.seen.in_last: unknown op"),
        ({**ORDER, "where": {}}, "who.where: not a mapping of properties"),
        ({"trait": "revenue_total", "gte": 5}, "who: 'revenue_total' is money; say which, such as"),
        ({"trait": "age", "gte": 5, "currency": "euro"}, "who.currency: not a currency: 'euro'"),
        ({"trait": "age", "is": "x", "currency": "EUR"}, "who.currency: a currency goes with a nu"),
        ({"trait": "age", "gte": "5"}, "who.gte: not a number: '5'"),
        ({"trait": "age", "gte": float("nan")}, "who.gte: not a number: nan"),
        ({"trait": "age", "between": [5]}, "who.between: not two numbers; such as [18, 65]"),
        ({"trait": "age", "between": [5, 1]}, "who.between: the range is empty"),
        ({"trait": "age", "in": []}, "who.in: not a list of 1 to 1000 values; such as [SE, DK]"),
        ({"trait": "age", "in": [1, "a"]}, "who.in: a list of values of different kinds"),
        ({"trait": "age", "is": [1]}, "who.is: one value, not a list; for several write in"),
        ({"trait": "age", "is": None}, "who.is: not a text, number, true or false: None; for noth"),
        ({"trait": "age", "exists": "yes"}, "who.exists: not true or false: 'yes'"),
        ({"trait": "age", "starts_with": 1}, "who.starts_with: not a text: 1"),
        ({"trait": "born", "before": "31.1.2026"}, "who.before: not a time: '31.1.2026'; write 20"),
        ({"trait": "born", "older_than": "9y"}, "who.older_than: not a duration: '9y'"),
        ({"random": 10}, "who.random: no bucket; write {bucket: [0, 9]} for a tenth of all"),
        ({"random": {"bucket": [0, 100]}}, "who.random.bucket: not a bucket or two from 0 to 99"),
        ({"random": {"bucket": True}}, "who.random.bucket: not a bucket"),
        ({"random": {"bucket": 1, "sald": "x"}}, "who.random.sald: unknown key 'sald'; did you"),
    ],
)
def test_the_error_names_place_fault_and_fix(asked: object, text: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(asked)
    assert str(caught.value).startswith(text)


def test_the_path_leads_a_loader_to_the_line() -> None:
    asked = {"any": [{**ORDER, "count": {"gtee": 2}}]}
    with pytest.raises(ConditionError) as caught:
        parse(asked, where=("steps", 2, "if"))
    assert caught.value.path == ("steps", 2, "if", "any", 0, "count", "gtee")
    assert str(caught.value).startswith("steps[2].if.any[0].count.gtee: ")


def test_a_where_of_its_own_is_refused_at_its_own_place() -> None:
    with pytest.raises(ConditionError, match=r"trigger\.where\.value: 'value' is money"):
        parse_where({"value": {"gte": 20}}, where=("trigger", "where"))


def test_what_is_nested_without_end_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["not"] = endless
    with pytest.raises(ConditionError, match="nested more than 30 deep"):
        parse(endless)


def test_aliases_that_multiply_are_refused() -> None:
    doubled: Any = {"segment": "a"}
    for _ in range(12):
        doubled = {"all": [doubled, doubled]}
    with pytest.raises(ConditionError, match="more than 5000 values"):
        parse(doubled)


WORDS = """all any not trait event email segment list consent random where count sum first last
    in_last older_than is in gte between exists before currency property topic bucket salt by"""
words = st.sampled_from(WORDS.split())
junk = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=4),
        words,
        st.sampled_from(["9d", "opened", "EUR", "marketing", "2026-01-31"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(words | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(junk)
def test_whatever_is_written_becomes_a_condition_or_a_condition_error(asked: object) -> None:
    with suppress(ConditionError):
        assert isinstance(parse(asked), Condition)
