"""The tables of the shops: each row is seen, each page is named, nothing that comes breaks them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.domain.calls import Sender, understood
from services.ingest.domain.shops.meaning import TABLES, meaning
from services.ingest.domain.shops.table import Delivery
from services.ingest.domain.shops.values import Fields
from shared.contracts.codec import decode_plain, encode
from tests.unit.ingest.shops.recorded import MODULES, NOW, SETTINGS, Recorded, recorded, rows

ALL = [one for shop in MODULES for one in recorded(shop)]
EACH = pytest.mark.parametrize(
    "one", ALL, ids=lambda one: f"{one.path.parent.name}/{one.path.stem}"
)
ROWS = [(shop, name, table, field) for shop in MODULES for name, table, field in rows(shop)]


@EACH
def test_a_documented_webhook_becomes_what_stands_beside_it(one: Recorded) -> None:
    assert one.becomes() == one.expected()


@EACH
def test_a_fixture_names_its_page_and_date(one: Recorded) -> None:
    found = decode_plain(one.path.read_bytes())
    assert found["page"].startswith("https://")
    assert found["version"]
    assert found["read"].startswith("20")


@EACH
def test_what_is_made_of_a_documented_webhook_is_accepted(one: Recorded) -> None:
    made = one.becomes()
    ready, refused = understood([encode(call) for call in made["calls"]], _sender())
    assert refused == []
    assert [warning for r in ready for warning in r.warnings] == []


@pytest.mark.parametrize(
    ("shop", "topic"),
    [(shop, topic) for shop in MODULES for topic in TABLES[shop]],  # type: ignore[index]
)
def test_each_topic_has_a_fixture(shop: str, topic: str) -> None:
    assert topic in {one.delivery.topic for one in ALL if one.delivery.shop == shop}


@pytest.mark.parametrize(
    ("shop", "table", "field"),
    [(shop, table, field) for shop, _, table, field in ROWS],
    ids=[f"{shop}-{name}-{field}" for shop, name, _, field in ROWS],
)
def test_a_mapped_field_is_missed_when_its_mapping_is_removed(
    shop: str, table: Fields, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(table, field)
    others = [one for one in ALL if one.delivery.shop == shop]
    assert any(one.becomes() != one.expected() for one in others)


_leaves = st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=20)
_json = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(data=st.data(), one=st.sampled_from(ALL))
def test_nothing_that_a_shop_sends_breaks_a_table(data: st.DataObject, one: Recorded) -> None:
    """Documented webhooks with anything in any place."""
    body = _spoilt(data, one.delivery.body)
    found = meaning(one.delivery._replace(body=body))
    assert found is not None
    understood([encode(call) for call in found.calls], _sender())
    encode([p.facts for p in found.products])


@settings(max_examples=30)
@given(body=st.dictionaries(st.text(max_size=9), _json), one=st.sampled_from(ALL))
def test_no_json_object_breaks_a_table(body: dict[str, Any], one: Recorded) -> None:
    assert meaning(one.delivery._replace(body=body)) is not None


def test_an_unknown_topic_means_nothing() -> None:
    for shop in TABLES:
        unknown = Delivery(shop, "main", "themes/publish", "d-1", {"id": 1}, NOW, SETTINGS)
        assert meaning(unknown) is None


def _spoilt(data: st.DataObject, body: Any) -> Any:
    """The same with one thing replaced, somewhere."""
    if isinstance(body, dict) and body:
        key = data.draw(st.sampled_from(sorted(body)))
        return {**body, key: _spoilt(data, body[key])}
    if isinstance(body, list) and body:
        return [_spoilt(data, body[0]), *body[1:]]
    return data.draw(_json)


def _sender() -> Sender:
    return Sender("default", NOW, lambda: "made-here")
