"""The catalogue's core: no order matters, the newer word counts, no repeat counts."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.segmenter.domain import catalogue, inventory
from services.segmenter.domain.catalogue import Product, items, shown, transition
from services.segmenter.domain.inventory import Item, links, located
from shared.contracts import ItemLinked, ProductChanged, StockChanged, encode

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Statement = ProductChanged | StockChanged


def says(minute: int, by: str = "m", *, deleted: bool = False, **facts: Any) -> ProductChanged:
    at = NOON + minute * MINUTE
    return ProductChanged(
        workspace="shop",
        product="boots",
        message_id=by,
        at=at,
        received_at=at + MINUTE,
        facts=facts,
        deleted=deleted,
    )


def counts(minute: int, stock: int | None, item: str = "i1", location: str = "tartu") -> Any:
    at = NOON + minute * MINUTE
    return StockChanged(
        workspace="shop",
        item=item,
        location=location,
        stock=stock,
        message_id=f"{item}{location}{minute}",
        at=at,
        received_at=at,
        product="boots",
    )


def after(*statements: Statement) -> Product:
    product: Product | None = None
    for statement in statements:
        product, _ = transition(product, statement)
    assert product is not None
    return product


def facts_of(product: Product) -> dict[str, Any]:
    there, facts = shown(product) or (False, {})
    assert there
    return facts


prices = st.sampled_from([Decimal("19.90"), Decimal(25), 30, None])
variant_facts = st.fixed_dictionaries(
    {},
    optional={
        "price": prices,
        "stock": st.sampled_from([0, 3, 7, None, "many", True]),
        "inventory_item": st.sampled_from(["i1", "i2", None, ["i1"]]),
    },
)
facts = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Boots", "Shoes", None]),
        "price": prices,
        "stock": st.sampled_from([0, 5, None]),
        "variants": st.one_of(
            st.dictionaries(st.sampled_from(["1", "2"]), variant_facts), st.just("none"), st.none()
        ),
        "variant_ids": st.sampled_from([["1"], [1, 2], [], None, "1"]),
    },
)
statements = st.builds(
    lambda minute, facts, deleted: says(minute, deleted=deleted, **facts),
    st.integers(0, 9),
    facts,
    st.sampled_from([False, False, False, True]),
)
levels = st.builds(
    counts,
    st.integers(0, 9),
    st.sampled_from([0, 4, None]),
    st.sampled_from(["i1", "i2"]),
    st.sampled_from(["tartu", "oslo"]),
)


@st.composite
def lives(draw: st.DrawFn) -> list[Statement]:
    """A messageId names one statement."""
    said = draw(st.lists(st.one_of(statements, levels), min_size=1, max_size=8))
    return [replace(statement, message_id=f"m{i}") for i, statement in enumerate(said)]


@settings(max_examples=150)
@given(lives(), st.randoms(use_true_random=False))
def test_the_order_in_which_statements_come_does_not_matter(life: Any, random: Any) -> None:
    shuffled = list(life)
    random.shuffle(shuffled)
    one, other = after(*life), after(*shuffled)
    assert replace(one, version=0) == replace(other, version=0)
    assert shown(one) == shown(other)


@settings(max_examples=80)
@given(lives(), st.randoms(use_true_random=False))
def test_a_repeat_changes_nothing_whenever_it_comes(life: Any, random: Any) -> None:
    product = after(*life)
    for statement in random.sample(life, len(life)):
        assert transition(product, statement) == (product, False)


@settings(max_examples=80)
@given(lives())
def test_the_version_rises_when_and_only_when_what_is_shown_changes(life: Any) -> None:
    product: Product | None = None
    for statement in life:
        before = product or Product(workspace="shop", product="boots")
        product, changed = transition(product, statement)
        assert changed == (shown(product) != shown(before))
        assert product.version == before.version + changed
        assert catalogue.decode(encode(product)) == product


def test_a_fact_that_is_not_stated_stays_and_a_null_takes_it_away() -> None:
    product = after(says(1, name="Boots", brand="Tamm", price=Decimal(20)), says(2, brand=None))
    assert facts_of(product) == {"name": "Boots", "price": Decimal(20)}


def test_an_older_statement_says_only_what_no_newer_one_did() -> None:
    product = after(says(5, price=25), says(3, price=20, name="Boots"))
    assert facts_of(product) == {"price": 25, "name": "Boots"}


def test_within_a_second_what_was_received_later_counts_and_else_the_message_id() -> None:
    a, b = says(5, "a", price=1), says(5, "b", price=2)
    assert facts_of(after(a, b)) == facts_of(after(b, a)) == {"price": 2}
    late = replace(a, received_at=b.received_at + timedelta(microseconds=1))
    assert facts_of(after(late, b)) == facts_of(after(b, late)) == {"price": 1}


def test_a_clock_that_runs_ahead_cannot_outlast_later_words() -> None:
    ahead = replace(says(1, price=1), at=NOON + 500 * MINUTE)
    assert facts_of(after(ahead, says(3, price=2))) == {"price": 2}


def test_what_was_deleted_is_gone_and_begins_anew() -> None:
    old, gone, new = says(1, name="Boots", price=20), says(2, deleted=True), says(3, name="Bots")
    assert shown(after(old, gone)) == (False, {})
    assert shown(after(gone, old)) == (False, {})
    assert shown(after(gone)) == (False, {})
    assert facts_of(after(old, gone, new)) == facts_of(after(new, old, gone)) == {"name": "Bots"}


def test_stock_alone_neither_makes_a_product_nor_brings_one_back() -> None:
    assert shown(after(counts(1, 5))) is None
    product = after(says(1, variants={"1": {"inventory_item": "i1"}}), says(2, deleted=True))
    assert shown(after(says(2, deleted=True), counts(3, 5))) == (False, {})
    assert transition(product, counts(4, 5))[1] is False


def test_variants_are_joined_by_id_and_leave_when_a_newer_list_is_without_them() -> None:
    product = after(
        says(1, variants={"1": {"sku": "S", "price": 5}, "2": {"sku": "M"}}),
        says(2, variants={"1": {"price": 6}}),
    )
    assert facts_of(product)["variants"] == {"1": {"sku": "S", "price": 6}, "2": {"sku": "M"}}
    product = after(says(3, variant_ids=["2"]), *[says(1, variants={"1": {"sku": "S"}})])
    assert "variants" not in facts_of(product)


def test_variants_that_come_and_go_for_years_do_not_pile_up() -> None:
    product = after(says(0, name="Print"))
    for month in range(12):
        minute = month * 20 * 24 * 60
        product, _ = transition(
            product, says(minute, variants={f"v{month}": {"sku": "S"}}, variant_ids=[f"v{month}"])
        )
    assert len(product.variants) == 2


def test_the_stock_is_the_newest_word_of_each_variant_and_their_sum() -> None:
    two = {"1": {"stock": 3, "inventory_item": "i1"}, "2": {"stock": 4}}
    product = after(says(1, variants=two, stock=99))
    assert facts_of(product)["stock"] == 7
    product = after(says(1, variants=two), counts(2, 10), counts(3, 1, location="oslo"))
    assert facts_of(product)["stock"] == 15
    product, _ = transition(product, says(4, variants=two))
    assert facts_of(product)["stock"] == 7
    product, _ = transition(product, counts(5, 0))
    assert facts_of(product)["stock"] == 5  # oslo has one, tartu none, and the other variant four


def test_stock_that_is_not_counted_is_not_known() -> None:
    product = after(says(1, variants={"1": {"stock": 3, "inventory_item": "i1"}}), counts(2, None))
    assert facts_of(product) == {"variants": {"1": {"inventory_item": "i1"}}}


def test_a_variant_that_is_sold_beyond_its_pieces_is_never_out_of_stock() -> None:
    product = after(says(1, variants={"1": {"stock": None, "inventory_item": "i1"}}), counts(2, 0))
    assert facts_of(product) == {"variants": {"1": {"inventory_item": "i1"}}}


@settings(max_examples=80)
@given(lives(), st.randoms(use_true_random=False))
def test_a_level_finds_its_product_whichever_was_stated_first(life: Any, random: Any) -> None:
    """Two owners that exchange messages; the levels are told to the item's owner, in any order."""
    said = [s for s in life if isinstance(s, ProductChanged)]
    one = {"1": {"inventory_item": "i1", "stock": 1}}
    said.append(says(20, "last", variants=one, variant_ids=["1"]))
    told = [replace(s, product="") for s in life if isinstance(s, StockChanged)]
    told.append(replace(counts(30, 6), product=""))
    waiting: list[Any] = [*said, *told]
    random.shuffle(waiting)
    product: Product | None = None
    known: dict[str, Item] = {}
    more: Iterable[Any]
    while waiting:
        message = waiting.pop(0)
        if isinstance(message, ItemLinked) or (
            isinstance(message, StockChanged) and not message.product
        ):
            known[message.item], more = located(known.get(message.item), message)
            assert inventory.decode(encode(known[message.item])) == known[message.item]
        else:
            before = product
            product, _ = transition(before, message)
            more = list(links(before, product))
        for reply in more:
            waiting.insert(random.randint(0, len(waiting)), reply)
    assert product is not None
    newest = {
        s.location: s for s in sorted(told, key=lambda s: (s.at, s.message_id)) if s.item == "i1"
    }
    there = sum(s.stock for s in newest.values() if s.stock is not None)
    assert facts_of(product)["variants"]["1"]["stock"] == there
    assert "i1" in items(product)


def test_an_item_follows_the_newest_word_on_whose_it_is() -> None:
    def link(minute: int, product: str) -> ItemLinked:
        at = NOON + minute * MINUTE
        return ItemLinked(workspace="shop", item="i1", product=product, message_id="m", at=at)

    level = replace(counts(1, 5), product="")
    item, told = located(None, level)
    assert told == []
    item, told = located(item, link(2, "boots"))
    assert [(t.product, t.stock) for t in told] == [("boots", 5)]
    assert located(item, link(2, "boots")) == (item, [])
    assert located(item, link(1, "shoes")) == (item, [])
    item, told = located(item, link(3, "shoes"))
    assert [t.product for t in told] == ["shoes"]
    assert located(item, level) == (item, [])
