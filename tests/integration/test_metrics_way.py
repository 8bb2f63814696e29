"""Events in, reports and a scrape out, on real Kafka and PostgreSQL."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from shared.contracts import Definition, topics
from shared.contracts.keys import contact_key
from shared.kafka.partitioner import partition_of
from tests.integration.metrics_place import PARTITIONS, Place, Told, running
from tests.unit.metrics.facts import mail, merge, order, shop, told
from tests.unit.metrics.recount import recount

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


def a_story(name: str, contact: str) -> list[Told]:
    """A run whose mail is opened, clicked and wins an order."""
    of: dict[str, Any] = {"journey": name}
    run = f"{name}-{contact}"
    return [
        told(contact, run, "entered", **of),
        mail(contact, run, "Sent", 1, **of),
        told(contact, run, "step_done", 1, step="reminder", **of),
        mail(contact, run, "Delivered", 1.1, **of),
        mail(contact, run, "Opened", 1.1, by="machine", **of),
        mail(contact, run, "Opened", 2, by="human", **of),
        mail(contact, run, "Clicked", 2, by="human", link="https://shop.example/a", **of),
        order(contact, f"order-{run}", 3),
        told(contact, run, "exited", 3, step="two-days", reason="Order Completed", **of),
        told(contact, "", "refused", 4, reason="no_consent", **of),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with running(kafka, database, topic_prefix) as place:
        yield place


def two_contacts(name: str) -> tuple[str, str]:
    """On different partitions."""
    found: dict[int, str] = {}
    for number in range(100):
        contact = f"{name}-{number}"
        found.setdefault(partition_of(contact_key("default", contact), PARTITIONS), contact)
    return found[0], found[1]


async def everything(place: Place) -> dict[str, list[Any]]:
    """Every row of every table of numbers."""
    tables = ("contacts", "messages", "orders", "runs", "hours", "counters", "facts")
    return {
        table: sorted(map(str, await place.db.fetch(f"SELECT * FROM {table}"))) for table in tables
    }


async def test_a_mail_that_won_an_order_is_in_report_and_scrape(place: Place) -> None:
    await place.define(journey("first"))
    await place.tell(*a_story("first", "ann"))
    await place.caught_up()
    found = await place.journey("first")
    assert (found["entered"], found["exited"]) == (1, {"Order Completed": 1})
    assert (found["refused"], found["revenue"]) == ({"no_consent": 1}, {"EUR": "50.00"})
    steps = [(step["step"], step["variant"]) for step in found["steps"]]
    assert steps == [
        ("reminder", ""),
        ("two-days", ""),
        ("offer", "ten-percent"),
        ("offer", "holdout"),
    ]
    reminder = found["steps"][0]
    assert (reminder["reached"], reminder["sent"], reminder["converted"]) == (1, 1, 1)
    assert reminder["opened"] == {"raw": 1, "human": 1, "machine": 1, "total": 2}
    assert reminder["rates"]["conversion"] == {"value": 1.0, "numerator": 1, "denominator": 1}
    nothing = {"value": None, "numerator": 0, "denominator": 0}
    assert found["steps"][2]["rates"]["delivery"] == nothing
    scrape = await place.scrape()
    where = 'journey="first",step="reminder",variant="",workspace="default"'
    assert scrape[f"tuvi_messages_converted_total{{{where}}}"] == 1
    assert scrape[f'tuvi_revenue_total{{currency="EUR",{where}}}'] == 50
    offer = 'journey="first",step="offer",variant="ten-percent",workspace="default"'
    assert scrape[f"tuvi_messages_sent_total{{{offer}}}"] == 0, "there from 0 on"
    assert not [name for name in scrape if "_created{" in name]


async def test_told_again_or_by_a_restored_database_nothing_changes(place: Place) -> None:
    story = a_story("again", "bea")
    await place.tell(*story)
    await place.caught_up()
    before = await everything(place)
    await place.tell(*story[-1:], repeat=True)
    place.lineage += 1
    await place.tell(*story)
    await place.caught_up()
    assert await everything(place) == before


async def test_killed_in_the_middle_every_event_counts_once(place: Place) -> None:
    people = [f"kim-{n}" for n in range(40)]
    await place.tell(*(m for person in people[:20] for m in a_story("killed", person)))
    await place.kill()
    await place.tell(*(m for person in people[20:] for m in a_story("killed", person)))
    await place.start()
    await place.caught_up()
    found = await place.journey("killed")
    assert (found["entered"], found["totals"]["converted"]) == (40, 40)
    assert found["revenue"] == {"EUR": "2000.00"}


async def test_a_person_of_two_contacts_on_two_partitions_is_one(place: Place) -> None:
    anonymous, known = two_contacts("door")
    of: dict[str, Any] = {"journey": "doors"}
    await place.tell(
        mail(anonymous, "r9", "Sent", 1, **of),
        mail(anonymous, "r9", "Clicked", 2, by="human", **of),
        order(known, "o9", 3),
    )
    await place.caught_up()
    assert (await place.journey("doors"))["totals"]["converted"] == 0
    # what the profile forwards for the loser comes before the word that it is one
    await place.tell(mail(known, "r9", "Delivered", 1.5, **of))
    await place.caught_up()
    await place.tell(merge(anonymous, known, 4))
    await place.caught_up()
    totals = (await place.journey("doors"))["totals"]
    assert (totals["sent"], totals["delivered"], totals["converted"]) == (1, 1, 1)
    owner = await place.db.fetchval("SELECT contact FROM messages WHERE journey = 'doors'")
    assert owner == known


async def test_merges_and_mails_on_both_partitions_at_once_lose_nothing(place: Place) -> None:
    of: dict[str, Any] = {"journey": "crowd"}
    inputs: list[Told] = []
    for n in range(60):
        loser, winner = two_contacts(f"crowd{n}")
        run = f"crowd-{n}"
        inputs += [
            mail(loser, run, "Sent", 1, **of),
            mail(winner, run, "Delivered", 1.5, **of),
            mail(loser, run, "Clicked", 2, by="human", **of),
            order(winner, f"o{n}", 3),
            merge(loser, winner, 4),
        ]
    await place.tell(*inputs)
    await place.caught_up()
    totals = (await place.journey("crowd"))["totals"]
    assert (totals["sent"], totals["delivered"], totals["converted"]) == (60, 60, 60)
    assert await place.dead_letters() == 0


async def test_an_attribution_that_moves_is_a_correction_and_no_counter_falls(
    place: Place,
) -> None:
    of: dict[str, Any] = {"journey": "moves"}
    await place.tell(
        mail("mia", "m1", "Clicked", 1, by="human", step="reminder", **of), order("mia", "om", 3)
    )
    await place.caught_up()
    before = await place.scrape()
    await place.tell(mail("mia", "m2", "Clicked", 2, by="human", step="offer", **of))
    await place.caught_up()
    after = await place.scrape()
    fallen = [
        n for n, v in before.items() if n.partition("{")[0].endswith("_total") and after[n] < v
    ]
    assert not fallen
    old = 'journey="moves",step="reminder",variant="",workspace="default"'
    new = 'journey="moves",step="offer",variant="",workspace="default"'
    assert after[f"tuvi_messages_converted_total{{{old}}}"] == 1
    assert after[f'tuvi_corrections_total{{counter="converted",detail="",{old}}}'] == 1
    assert after[f"tuvi_messages_converted_total{{{new}}}"] == 1
    report = {step["step"]: step["converted"] for step in (await place.journey("moves"))["steps"]}
    assert report == {"reminder": 0, "offer": 1}


async def test_the_tables_are_a_naive_recount_of_the_topics(place: Place) -> None:
    await place.tell(*a_story("recount", "zoe"), merge("zoe", "zora", 9))
    await place.tell(shop("zora", "Order Refunded", 10, order_id="order-recount-zoe"))
    await place.caught_up()
    contact_events = await place.topic(topics.CONTACT_EVENTS)
    journey_events = await place.topic(topics.JOURNEY_EVENTS)
    expected = recount(_of(contact_events), _of(journey_events))
    rows = await place.db.fetch(
        """SELECT journey, step, variant, name, detail, sum(value) AS value FROM hours
           WHERE workspace = 'default' GROUP BY 1, 2, 3, 4, 5 HAVING sum(value) <> 0"""
    )
    assert {tuple(row)[:5]: row["value"] for row in rows} == expected
    net = await place.db.fetch(
        """SELECT journey, step, variant, name, detail, sum(gained - lost) AS value FROM counters
           WHERE workspace = 'default' GROUP BY 1, 2, 3, 4, 5 HAVING sum(gained - lost) <> 0"""
    )
    assert {tuple(row)[:5]: row["value"] for row in net} == expected
    await _scrape_and_report_agree(place)


def _of(told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in told if message["workspace"] == "default"]


async def _scrape_and_report_agree(place: Place) -> None:
    """Counter less corrections is the report's number, for every journey and step."""
    _, found = await place.get("/v1/reports/journeys")
    scrape = await place.scrape()
    simple = ("sent", "delivered", "converted", "complained", "unsubscribed", "failed")
    checked = 0
    for one in found["journeys"]:
        for step in one["steps"]:
            where = (
                f'journey="{one["journey"]}",step="{step["step"]}",variant="{step["variant"]}",'
                'workspace="default"'
            )
            for name in simple:
                shown = scrape.get(f"tuvi_messages_{name}_total{{{where}}}", 0)
                corrected = f'tuvi_corrections_total{{counter="{name}",detail="",{where}}}'
                assert shown - scrape.get(corrected, 0) == step[name], (one["journey"], step, name)
                checked += 1
            money = scrape.get(f'tuvi_revenue_total{{currency="EUR",{where}}}', 0)
            gone = f'tuvi_corrections_total{{counter="revenue",detail="EUR",{where}}}'
            assert Decimal(money - scrape.get(gone, 0)) == Decimal(step["revenue"]["EUR"])
    assert checked


async def test_the_overview_is_the_workspace_in_one_look(place: Place) -> None:
    await place.tell(*a_story("overview", "ova"), merge("ova", "ovid", 9))
    await place.caught_up()
    status, found = await place.get("/v1/reports/overview")
    assert status == 200
    row = await place.db.fetchrow(
        """SELECT (SELECT count(*) FROM contacts WHERE merged_into = '' AND workspace = 'default'),
                  (SELECT count(*) FROM messages
                   WHERE sent_at IS NOT NULL AND workspace = 'default'),
                  (SELECT count(*) FROM runs
                   WHERE entered_at IS NOT NULL AND workspace = 'default')"""
    )
    assert (found["contacts"], found["sent"], found["runs"]) == tuple(row)


async def test_a_report_of_some_hours_has_the_mails_sent_in_them(place: Place) -> None:
    await place.tell(*a_story("hours", "hal"))
    await place.caught_up()
    query = "/v1/reports/journeys?journey=hours&from=2026-06-01T13:30:00Z&to=2026-06-01T13:45:00Z"
    _, found = await place.get(query)
    assert found["period"] == {"since": "2026-06-01T13:00:00Z", "until": "2026-06-01T14:00:00Z"}
    one = found["journeys"][0]
    assert (one["entered"], one["totals"]["sent"], one["totals"]["converted"]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("to", "until"),
    [
        ("2026-06-01", "2026-06-02T00:00:00Z"),
        ("2026-06-02", "2026-06-03T00:00:00Z"),
        ("2026-06-02T00:00:00Z", "2026-06-02T00:00:00Z"),
        ("2026-06-02T00:00:00.5Z", "2026-06-02T01:00:00Z"),
    ],
)
async def test_a_date_alone_is_its_whole_day_a_time_an_end(
    place: Place, to: str, until: str
) -> None:
    _, found = await place.get(f"/v1/reports/journeys?from=2026-06-01&to={to}")
    assert found["period"] == {"since": "2026-06-01T00:00:00Z", "until": until}


async def test_the_same_as_a_table(place: Place) -> None:
    await place.tell(*a_story("table", "tea"))
    await place.caught_up()
    query = "/v1/reports/journeys?journey=table"
    status, text = await place.get(query, headers={"Accept": "text/csv"})
    assert status == 200
    line, _ = csv.DictReader(io.StringIO(text))
    found = [line[name] for name in ("journey", "step", "sent", "opened_human", "revenue_EUR")]
    assert found == ["table", "reminder", "1", "1", "50.00"]


async def test_another_workspaces_numbers_are_not_shown(place: Place) -> None:
    theirs = place.their_key
    await place.tell(mail("ola", "r-other", "Sent", 1, workspace="other", journey="theirs"))
    await place.tell(*a_story("ours", "ola"))
    await place.caught_up()
    assert (await place.get("/v1/reports/journeys/theirs"))[0] == 404
    assert (await place.get("/v1/reports/journeys/theirs", key=theirs))[0] == 200
    assert (await place.get("/v1/reports/journeys/ours", key=theirs))[0] == 404
    assert (await place.get("/v1/reports/overview", key=theirs))[1]["sent"] == 1


async def test_what_is_asked_wrongly_is_told_plainly(place: Place) -> None:
    assert (await place.get("/v1/reports/overview", key="nonsense"))[0] == 401
    status, found = await place.get("/v1/reports/journeys?from=2026-06-01T12:00:00")
    assert (status, found["field"]) == (422, "from")
    status, found = await place.get("/v1/reports/journeys?from=yesterday")
    assert (status, found["errors"][0]["field"]) == (422, "from")
    status, found = await place.get("/v1/reports/jorneys")
    assert (status, found["title"]) == (404, "Not Found")
    status, found = await place.get("/v1/reports/overview?from=2026-06-01&form=2026-06-01")
    assert (status, found["field"]) == (422, "form")
    assert found["detail"] == "form: unknown; did you mean 'from'?"
    status, found = await place.get("/v1/reports/journeys?jurney=first")
    assert (status, found["field"]) == (422, "jurney")
    for query in ("to=2026-06-31", "to=9999-12-31T23:30:00Z", "from=0001-01-01T00:00:00%2B05:00"):
        assert (await place.get(f"/v1/reports/overview?{query}"))[0] == 422, query
    for path in ("/v1/reports/journeys?journey=nope", "/v1/reports/journeys/nope"):
        status, found = await place.get(path)
        assert (status, found["title"]) == (404, "No such journey")
    status, found = await place.get(
        "/v1/reports/journeys?from=2026-06-02T12:00:00Z&to=2026-06-01T12:00:00Z"
    )
    assert (status, found["title"]) == (422, "Empty period")
