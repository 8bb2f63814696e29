"""Events in, reports and a scrape out, on real Kafka and PostgreSQL."""

from collections.abc import AsyncIterator

import pytest_asyncio

from shared.contracts import Definition
from tests.integration.metrics_place import Place, running
from tests.unit.metrics.facts import mail, order, told

STEPS = [
    {"id": "reminder", "send": "cart-reminder"},
    {"id": "two-days", "delay": "2d"},
    {
        "id": "offer",
        "random_split": [
            {"variant": "ten-percent", "weight": 45, "send": "cart-ten-percent"},
            {"variant": "holdout", "weight": 10, "holdout": True},
        ],
    },
]


def journey(name: str) -> Definition:
    body = {"journey": name, "steps": STEPS, "exit_when": [{"event": "Order Completed"}]}
    return Definition(
        workspace="default", kind="journey", id=name, version=1, revision=1, body=body
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with running(kafka, database, topic_prefix) as place:
        yield place


async def test_a_mail_that_won_an_order_is_in_report_and_scrape(place: Place) -> None:
    await place.define(journey("first"))
    of = {"journey": "first"}
    await place.tell(
        told("ann", "r1", "entered", **of),
        mail("ann", "r1", "Sent", 1, **of),
        told("ann", "r1", "step_done", 1, step="reminder", **of),
        mail("ann", "r1", "Delivered", 1.1, **of),
        mail("ann", "r1", "Opened", 1.1, by="machine", **of),
        mail("ann", "r1", "Opened", 2, by="human", **of),
        mail("ann", "r1", "Clicked", 2, by="human", link="https://shop.example/a", **of),
        order("ann", "o1", 3),
        told("ann", "r1", "exited", 3, step="two-days", reason="Order Completed", **of),
    )
    await place.caught_up()
    found = await place.journey("first")
    assert (found["entered"], found["exited"]) == (1, {"Order Completed": 1})
    reminder = found["steps"][0]
    assert (reminder["step"], reminder["sent"], reminder["converted"]) == ("reminder", 1, 1)
    assert reminder["opened"] == {"raw": 1, "human": 1, "machine": 1, "total": 2}
    assert reminder["rates"]["conversion"] == {"value": 1.0, "numerator": 1, "denominator": 1}
    assert found["revenue"] == {"EUR": "50.00"}
    scrape = await place.scrape()
    where = 'journey="first",step="reminder",variant="",workspace="default"'
    assert scrape[f"tuvi_messages_converted_total{{{where}}}"] == 1
    assert scrape[f'tuvi_revenue_total{{currency="EUR",{where}}}'] == 50
