"""What is fetched for BigCommerce's thin webhooks: the API's own paths and nothing else."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.shops.bigcommerce import TOPICS
from services.ingest.domain.shops.bigcommerce_wants import (
    GONE_PRODUCT,
    WANTS,
    Unfit,
    resource,
    store_hash,
    thin,
    topic_when_gone,
    wanted,
)
from tests.unit.ingest.shops.recorded import HOME

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=6,
)
PATH = re.compile(r"/v[23](/[a-z_-]+|/[0-9A-Za-z-]+)+(\?[a-z:_0-9A-Z=&,-]+)?")
FIXTURES = sorted((HOME / "bigcommerce").glob("*.json"))
DOCUMENTED = [p for p in FIXTURES if not p.name.endswith(".becomes.json")]


@pytest.mark.parametrize("fixture", DOCUMENTED, ids=lambda path: path.stem)
def test_what_the_tables_read_is_what_is_fetched(fixture: Path) -> None:
    recorded = json.loads(fixture.read_bytes())
    body = recorded["body"]

    assert {"data", *wanted(recorded["topic"], body["data"])} == set(body)


def test_each_scope_that_is_fetched_for_has_a_table() -> None:
    assert set(WANTS) <= set(TOPICS)
    assert set(TOPICS) - set(WANTS) == {GONE_PRODUCT, "store/customer/deleted"}


@given(
    scope=st.sampled_from(sorted(WANTS)),
    data=st.dictionaries(
        st.sampled_from(["id", "orderId", "refund", "sku", "inventory", "address"]), ANY
    ),
)
def test_no_webhook_leads_to_another_path(scope: str, data: dict[str, Any]) -> None:
    with suppress(Unfit):
        assert all(PATH.fullmatch(path) for path in wanted(scope, data).values())


@pytest.mark.parametrize("odd", ["../../v3/hooks", "1?x=1", "", None, True, "1/2", "é", "a" * 65])
def test_an_odd_id_is_named(odd: Any) -> None:
    with pytest.raises(Unfit, match=r"data\.id"):
        wanted("store/order/created", {"id": odd})


@given(body=st.dictionaries(st.sampled_from(["scope", "hash", "producer", "data"]), ANY))
def test_any_webhook_is_read(body: dict[str, Any]) -> None:
    said = thin(body)
    assert isinstance(said.data, dict)


def test_a_webhook_of_another_store_is_not_fetched() -> None:
    said = thin({"producer": "stores/abc123", "scope": "store/order/created"})

    assert store_hash({}, said) == "abc123"
    assert store_hash({"store_hash": "abc123"}, said) == "abc123"
    with pytest.raises(Unfit, match="producer"):
        store_hash({"store_hash": "other1"}, said)
    with pytest.raises(Unfit, match="store_hash"):
        store_hash({}, thin({"producer": "stores/../v3"}))


@given(path=st.sampled_from(["/v2/orders/1", "/v3/carts/1", "/v3/customers?id:in=1"]), found=ANY)
def test_any_answer_is_read(path: str, found: Any) -> None:
    resource(path, found)


def test_v3_wraps_what_it_answers() -> None:
    assert resource("/v2/orders/1/products", []) == []
    assert resource("/v3/carts/1", {"data": {"id": "1"}, "meta": {}}) == {"id": "1"}
    assert resource("/v3/customers?id:in=1", {"data": [{"id": 1}]}) == {"id": 1}
    assert resource("/v3/customers?id:in=1", {"data": []}) is None


def test_only_a_product_that_is_gone_says_something() -> None:
    assert topic_when_gone("store/sku/updated") == GONE_PRODUCT
    assert topic_when_gone("store/order/updated") is None
