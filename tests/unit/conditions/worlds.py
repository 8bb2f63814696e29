"""Hypothesis strategies: conditions as users write them, and contacts they may speak of.

Everything comes from few values: times on a coarse grid, spans that are its multiples, small
amounts. So edges and ties are met often, and what is asked about has mostly happened. `now` lies
before most of it: walking on from there meets every instant of change.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.unit.conditions.oracle import Past, World

START = datetime(2026, 3, 1, tzinfo=UTC)
STEP = timedelta(hours=12)
EVENTS = ["Order Completed", "Order Completed", "Product Viewed"]
MAILS = ["opened", "opened", "clicked", "sent"]
SPANS = ["12h", "1d", "36h", "3d", "2880m", "5d"]

moments = st.integers(0, 20).map(lambda steps: START + steps * STEP)
instants = st.builds(
    lambda at, off: at + timedelta(microseconds=off),
    st.integers(0, 6).map(lambda steps: START + steps * STEP),
    st.sampled_from([-1, 0, 1, 3_600_000]),
)
spans = st.sampled_from(SPANS)
small = st.integers(0, 3)
amounts = st.sampled_from([Decimal(text) for text in ("-1", "-0.5", "0.1", "1", "2.00", "3")])
currencies = st.sampled_from(["EUR", "EUR", "SEK"])


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
names = st.sampled_from(EVENTS)
counted = st.builds(lambda name, w, c: {"event": name, **w, **c}, names, windows, counts)
dated = st.builds(lambda name, edge: {"event": name, **edge}, names, edge_of)
sums = st.builds(lambda name, rest: {"event": name, **rest}, names, summed)
filtered = st.builds(lambda event, w: {**event, **w}, st.one_of(counted, dated, sums), where)
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
events = st.one_of(counted, dated, sums, filtered)
# One event, one trait and spans only: joins of what changes with time, each at its own instant.
timed = st.one_of(
    spans.map(lambda w: {"event": EVENTS[0], "in_last": w}),
    spans.map(lambda w: {"event": EVENTS[0], "older_than": w}),
    spans.map(lambda w: {"trait": "seen_at", "older_than": w}),
)


def joins(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def joined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        parts = st.lists(inner, min_size=1, max_size=3)
        return st.one_of(
            parts.map(lambda parts: {"all": parts}),
            parts.map(lambda parts: {"any": parts}),
            inner.map(lambda part: {"not": part}),
        )

    return joined(st.recursive(leaves, joined, max_leaves=4))


CONDITIONS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "traits": traits,
    "counts": counted,
    "first and last": dated,
    "sums": sums,
    "filtered": filtered,
    "e-mails": mails,
    "joins of what changes": joins(timed),
    "joins of anything": joins(st.one_of(traits, events, mails, others)),
}
PAST = ["counts", "first and last", "sums", "filtered", "e-mails"]

properties = st.one_of(
    st.fixed_dictionaries({"total": amounts, "currency": currencies, "channel": texts}),
    st.fixed_dictionaries({}, optional={"total": amounts, "currency": currencies}),
)
shop_events = st.builds(
    lambda name, at, properties: Past("event", name, at, properties, {}),
    names,
    moments,
    properties,
)
mail_events = st.builds(
    lambda name, at, *of: Past(
        "email", name, at, {}, dict(zip(("journey", "step", "template", "human"), of, strict=True))
    ),
    st.sampled_from(MAILS),
    moments,
    st.sampled_from(["welcome", "cart"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["t", "u"]),
    st.booleans(),
)


def histories(kind: str) -> st.SearchStrategy[list[Past]]:
    """Mostly of what a condition of this kind asks about."""
    if kind == "e-mails":
        return st.lists(mail_events, min_size=4, max_size=14)
    if kind in PAST:
        return st.lists(shop_events, min_size=4, max_size=14)
    return st.lists(st.one_of(shop_events, mail_events), max_size=10)


def worlds(kind: str) -> st.SearchStrategy[World]:
    return st.builds(
        World,
        traits=st.fixed_dictionaries(
            {"seen_at": moments},
            optional={
                "country": texts,
                "revenue_total": st.dictionaries(currencies, amounts),
                "age": small,
            },
        ),
        consent=st.dictionaries(st.just("marketing"), st.sampled_from(["subscribed", "pending"])),
        segments=st.sets(st.sampled_from(["vip", "lost"])),
        lists=st.sets(st.just("newsletter")),
        history=histories(kind),
    )
