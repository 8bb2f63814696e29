"""Hypothesis strategies: conditions as users write them, and contacts they may speak of.

Times lie on a coarse grid and spans are multiples of it, so that edges and ties are met often.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.unit.conditions.oracle import Past, World

START = datetime(2026, 3, 1, tzinfo=UTC)
STEP = timedelta(hours=12)
EVENTS = ["Order Completed", "Product Viewed"]
MAILS = ["sent", "delivered", "opened", "clicked"]
SPANS = ["12h", "1d", "36h", "3d", "2880m", "5d"]

moments = st.integers(0, 20).map(lambda steps: START + steps * STEP)
instants = st.builds(
    lambda at, off: at + timedelta(microseconds=off),
    moments,
    st.sampled_from([-1, 0, 1, 3_600_000]),
)
spans = st.sampled_from(SPANS)
small = st.integers(0, 4)
amounts = st.decimals(-50, 100, places=2)
currencies = st.sampled_from(["EUR", "SEK"])


def one_or_two(ops: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """One or two operators out of `ops`, each with its operand."""
    names = st.lists(st.sampled_from(sorted(ops)), min_size=1, max_size=2, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({op: ops[op] for op in chosen}))


def ranges(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.tuples(ends, ends).map(sorted)


def sizes(numbers: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    single = dict.fromkeys(["gt", "gte", "lt", "lte", "is", "is_not"], numbers)
    lists = st.lists(numbers, min_size=1, max_size=3)
    return {**single, "between": ranges(numbers), "in": lists, "not_in": lists}


ages = {"in_last": spans, "older_than": spans}
edges = {**ages, **dict.fromkeys(["before", "after"], moments.map(datetime.isoformat))}
money = st.builds(
    lambda ops, code: {**ops, "currency": code}, one_or_two(sizes(amounts)), currencies
)
texts = st.sampled_from(["SE", "DK", "NO"])
text_ops = {
    **dict.fromkeys(["is", "is_not", "contains", "starts_with", "ends_with"], texts),
    **dict.fromkeys(["in", "not_in"], st.lists(texts, min_size=1, max_size=2)),
    "exists": st.booleans(),
}
windows: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}), spans.map(lambda w: {"in_last": w}), spans.map(lambda w: {"older_than": w})
)
counts = st.one_of(st.just({}), one_or_two(sizes(small)).map(lambda ops: {"count": ops}))
edge_of = st.one_of(
    one_or_two(edges).map(lambda ops: {"first": ops}),
    one_or_two(edges).map(lambda ops: {"last": ops}),
)
measured = st.one_of(st.builds(lambda w, c: {**w, **c}, windows, counts), edge_of)
summed = st.builds(
    lambda ops, w: {"sum": {"property": "total", **ops}, **w},
    money,
    st.one_of(st.just({}), spans.map(lambda w: {"in_last": w})),
)
where = st.one_of(
    st.just({}),
    one_or_two({"total": money, "channel": one_or_two(text_ops)}).map(lambda w: {"where": w}),
)
mail_filters = one_or_two(
    {
        "journey": st.sampled_from(["welcome", "cart"]),
        "step": st.sampled_from(["a", "b"]),
        "template": st.sampled_from(["t"]),
    }
)

traits = st.one_of(
    one_or_two(text_ops).map(lambda ops: {"trait": "country", **ops}),
    money.map(lambda ops: {"trait": "revenue_total", **ops}),
    one_or_two(sizes(small)).map(lambda ops: {"trait": "age", **ops}),
    one_or_two(edges).map(lambda ops: {"trait": "seen_at", **ops}),
)
events = st.builds(
    lambda name, w, rest: {"event": name, **w, **rest},
    st.sampled_from(EVENTS),
    where,
    st.one_of(measured, summed),
)
mails = st.builds(
    lambda name, of, rest, by: {
        "email": name,
        **of,
        **rest,
        **({"by": "any"} if by and name in ("opened", "clicked") else {}),
    },
    st.sampled_from(MAILS),
    st.one_of(st.just({}), mail_filters),
    measured,
    st.booleans(),
)
others = st.one_of(
    st.sampled_from(["vip", "lost"]).map(lambda name: {"segment": name}),
    st.just({"list": "newsletter"}),
    st.sampled_from(["subscribed", "never_subscribed"]).map(
        lambda state: {"consent": {"topic": "marketing", "is": state}}
    ),
)
conditions = st.recursive(
    st.one_of(traits, events, events, mails, others),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)

optional = st.fixed_dictionaries(
    {}, optional={"total": amounts, "currency": currencies, "channel": texts}
)
pasts = st.one_of(
    st.builds(
        lambda name, at, properties: Past("event", name, at, properties, {}),
        st.sampled_from(EVENTS),
        moments,
        optional,
    ),
    st.builds(
        lambda name, at, *of: Past(
            "email",
            name,
            at,
            {},
            dict(zip(("journey", "step", "template", "human"), of, strict=True)),
        ),
        st.sampled_from(MAILS),
        moments,
        st.sampled_from(["welcome", "cart"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["t", "u"]),
        st.booleans(),
    ),
)
histories = st.lists(pasts, max_size=12)
worlds = st.builds(
    World,
    traits=st.fixed_dictionaries(
        {},
        optional={
            "country": texts,
            "revenue_total": st.dictionaries(currencies, amounts),
            "age": small,
            "seen_at": moments,
        },
    ),
    consent=st.dictionaries(st.just("marketing"), st.sampled_from(["subscribed", "pending"])),
    segments=st.sets(st.sampled_from(["vip", "lost"])),
    lists=st.sets(st.just("newsletter")),
    history=histories,
)
