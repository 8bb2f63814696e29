"""Stage profile on real Kafka and PostgreSQL: events in; contact-events, changes, segments out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from shared.contracts import ContactsMerged, DeliveryEvent, FeedMark, topics
from shared.contracts.keys import contact_key
from shared.db.migrate import migrate
from shared.db.pool import connect
from shared.kafka.partitioner import partition_of
from tests.integration.profile_place import DAY, NOON, PARTITIONS, Place, changes, identify, track

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
AT_RISK = {
    "all": [{"event": "Order Completed"}, {"not": {"event": "Order Completed", "in_last": "90d"}}]
}
ORDER = {"order_id": "o1", "revenue": Decimal(80), "total": Decimal(95), "currency": "EUR"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Place]:
    await migrate(database, kafka, partitions=PARTITIONS, prefix=topic_prefix)
    db = await connect(database, "segmenter")
    dsn = database.replace("postgres@", "tuvi_segmenter@")
    here = Place(kafka, dsn, topic_prefix, db)
    await here.clock(NOON)
    await here.start()
    yield here
    await here.stop()
    await db.close()


def elsewhere(contact: str) -> str:
    """Another contact's id, on another partition."""
    home = partition_of(contact_key("default", contact), PARTITIONS)
    found = (f"{contact}-{i}" for i in range(100))
    return next(c for c in found if partition_of(contact_key("default", c), PARTITIONS) != home)


async def test_events_become_a_profile_with_consent_and_computed_traits(place: Place) -> None:
    consent = {"newsletter": {"state": "subscribed", "source": "checkout", "text": "v3"}}
    await place.say(
        "anna",
        identify("a1", NOON, email="anna@example.com", country="SE", consent=consent),
        track("Order Completed", "a2", NOON + HOUR, properties=ORDER),
        track("Order Refunded", "a3", NOON + 2 * HOUR, properties={**ORDER, "revenue": 30}),
        track("Order Completed", "a2", NOON + HOUR, properties=ORDER),  # delivered again
    )
    events = await place.told_of("anna")
    assert [e.event.message_id for e in events if e.event] == ["a1", "a2", "a3"]
    last = events[-1].profile
    assert (last.email, last.traits["country"]) == ("anna@example.com", "SE")
    assert last.traits["orders_count"] == 1
    assert last.traits["revenue_total"] == {"EUR": Decimal(50)}
    assert last.consent["newsletter"].text == "v3"
    changed = [c for c in await place.published(topics.CONTACT_CHANGES) if c.contact == "anna"]
    assert [(c.version, c.email) for c in changed] == [(1, "anna@example.com")]


async def test_a_mark_of_the_mails_feed_is_no_contacts(place: Place) -> None:
    mark = FeedMark(workspace="", fence=1, until=NOON)
    await place.put(topics.DELIVERY_EVENTS, "marked", mark)
    await place.say("marked", track("Product Viewed", "mark-1", NOON))
    assert len(await place.told_of("marked")) == 1
    strangers = "SELECT count(*) FROM segmenter.profiles WHERE workspace = ''"
    assert await place.db.fetchval(strangers) == 0


async def test_no_order_for_90_days_is_true_at_that_second(place: Place) -> None:
    await place.segment("at-risk", AT_RISK)
    noon = place.today()
    await place.say("bert", track("Order Completed", "b1", noon, properties=ORDER))
    await place.step_to(noon + 90 * DAY - SECOND)
    assert changes(await place.told_of("bert")) == []
    await place.step_to(noon + 90 * DAY)
    assert changes(await place.told_of("bert")) == [("at-risk", "entered", noon + 90 * DAY, False)]
    members = "SELECT since FROM segmenter.members WHERE segment = 'at-risk' AND contact = 'bert'"
    assert await place.db.fetchval(members) == noon + 90 * DAY


async def test_a_late_look_dates_the_change_when_it_was_due_and_before_later_events(
    place: Place,
) -> None:
    await place.segment("at-risk", AT_RISK)
    await place.say("carl", track("Order Completed", "c1", NOON, properties=ORDER))
    later = NOON + 95 * DAY
    again = {**ORDER, "order_id": "o2"}
    await place.say("carl", track("Order Completed", "c2", later, properties=again))
    assert changes(await place.told_of("carl")) == [
        ("at-risk", "entered", NOON + 90 * DAY, False),
        ("at-risk", "left", later, False),
    ]


async def test_an_import_enters_segments_without_starting_journeys(place: Place) -> None:
    await place.segment("at-risk", AT_RISK)
    then = {"at": NOON - 100 * DAY, "origin": "import"}
    await place.say("iris", track("Order Completed", "i1", NOON, properties=ORDER, **then))
    events = await place.told_of("iris")
    assert events[0].event is not None
    assert events[0].event.origin == "import"
    assert [(name, change, backfill) for name, change, _, backfill in changes(events)] == [
        ("at-risk", "entered", True)
    ]


async def test_a_new_segment_reaches_those_who_are_quiet_and_those_who_move(place: Place) -> None:
    properties = {"category": "tents"}
    for contact in ("dora", "emil"):
        await place.say(
            contact, track("Product Viewed", f"{contact}1", NOON, properties=properties)
        )
    await place.idle()
    viewed = {"event": "Product Viewed", "where": {"category": "tents"}}
    await place.segment("tents", viewed)
    await place.say("emil", identify("emil2", NOON + HOUR, city="Tartu"))
    await place.walk()
    for contact in ("dora", "emil"):
        found = changes(await place.told_of(contact))
        assert [(s, c, b) for s, c, _, b in found if s == "tents"] == [("tents", "entered", True)]


async def test_opens_of_machines_are_told_apart_and_an_unsubscribe_changes_consent(
    place: Place,
) -> None:
    def mail(what: str, at: timedelta, **more: str) -> DeliveryEvent:
        return DeliveryEvent(
            workspace="default",
            contact="frida",
            message="m1",
            event=what,  # type: ignore[arg-type]
            at=NOON + at,
            received_at=NOON + at + SECOND,
            topic="newsletter",
            **more,  # type: ignore[arg-type]
        )

    subscribed = {"newsletter": {"state": "subscribed"}}
    await place.say("frida", identify("f1", NOON, email="f@example.com", consent=subscribed))
    await place.say(
        "frida",
        mail("Delivered", HOUR),
        mail("Opened", HOUR + SECOND, user_agent="Mozilla/5.0"),
        mail("Clicked", HOUR + SECOND, link="https://a.example"),
        mail("Clicked", 2 * HOUR, link="https://a.example"),
        mail("Clicked", 2 * HOUR, link="https://a.example"),
        mail("Unsubscribed", 3 * HOUR),
    )
    events = await place.told_of("frida")
    verdicts = [(e.delivery.event, e.verdict) for e in events if e.delivery is not None]
    assert verdicts == [
        ("Delivered", None),
        ("Opened", "machine"),
        ("Clicked", "machine"),
        ("Clicked", "human"),
        ("Unsubscribed", None),
    ]
    assert events[-1].profile.consent["newsletter"].state == "unsubscribed"
    assert events[-1].profile.traits["last_clicked_at"] == (NOON + 2 * HOUR).isoformat().replace(
        "+00:00", "Z"
    )
    changed = [c for c in await place.published(topics.CONTACT_CHANGES) if c.contact == "frida"]
    assert [c.consent["newsletter"].state for c in changed] == ["subscribed", "unsubscribed"]


async def test_a_click_that_comes_before_its_mails_delivery_is_judged_by_it_or_ten_seconds_later(
    place: Place,
) -> None:
    noon = place.today()

    def mail(event: str, message: str, at: timedelta) -> DeliveryEvent:
        return DeliveryEvent(
            workspace="default",
            contact="hanna",
            message=message,
            event=event,  # type: ignore[arg-type]
            at=noon + at,
            received_at=noon + at,
            link="https://shop.example/" if event == "Clicked" else "",
        )

    async def judged() -> list[tuple[str, str]]:
        events = await place.told_of("hanna")
        return [(e.delivery.message, str(e.verdict)) for e in events if e.delivery and e.verdict]

    await place.say("hanna", mail("Clicked", "overtakes", 2 * SECOND))
    await place.say("hanna", mail("Clicked", "overtakes", 2 * SECOND))  # delivered again
    await place.say("hanna", mail("Clicked", "alone", 3 * SECOND))
    assert await judged() == []
    await place.say("hanna", mail("Delivered", "overtakes", SECOND))
    assert await judged() == [("overtakes", "machine")]
    await place.step_to(noon + 13 * SECOND)
    assert await judged() == [("overtakes", "machine"), ("alone", "human")]


async def test_what_is_chosen_on_the_page_is_consent_traits_and_told_to_the_sender(
    place: Place,
) -> None:
    def chose(what: str, at: timedelta, **more: Any) -> DeliveryEvent:
        given = {"message": "m1", "at": NOON + at, "received_at": NOON + at, **more}
        return DeliveryEvent(
            workspace="default",
            contact="petra",
            event=what,  # type: ignore[arg-type]
            source="preferences",
            **given,
        )

    off = {"newsletter": {"state": "unsubscribed"}, "carts": {"state": "subscribed"}}
    await place.say("petra", identify("p1", NOON, email="p@example.com", consent=off))
    on = chose("Subscribed", HOUR, topic="newsletter", text="v3")
    await place.say(
        "petra",
        on,
        on,  # delivered again
        chose("Unsubscribed", HOUR, topic="carts"),
        chose("PreferencesChanged", HOUR, traits={"locale": "de", "email_frequency": "less"}),
    )
    events = await place.told_of("petra")
    told = [e.delivery.event for e in events if e.delivery is not None]
    assert told == ["Subscribed", "Unsubscribed", "PreferencesChanged"]
    last = events[-1].profile
    assert (last.locale, last.traits["email_frequency"]) == ("de", "less")
    changed = [c for c in await place.published(topics.CONTACT_CHANGES) if c.contact == "petra"]
    assert changed[-1].consent == last.consent
    said = {t: (c.state, c.source, c.text, c.at) for t, c in last.consent.items()}
    assert said == {
        "newsletter": ("subscribed", "preferences", "v3", NOON + HOUR),
        "carts": ("unsubscribed", "preferences", "", NOON + HOUR),
    }
    names = "SELECT array_agg(name ORDER BY name) FROM segmenter.history WHERE contact = 'petra'"
    assert await place.db.fetchval(names) == [
        "PreferencesChanged",
        "Subscribed",
        "Unsubscribed",
        "identify",
    ]


async def test_a_merge_hands_everything_over_and_forwards_what_comes_late(place: Place) -> None:
    loser, winner = "greta", elsewhere("greta")
    properties = {**ORDER, "order_id": "g"}
    await place.say(loser, track("Order Completed", "g1", NOON, properties=properties))
    await place.say(winner, identify("g2", NOON + HOUR, email="g@example.com"))
    merged = ContactsMerged(workspace="default", loser=loser, winner=winner, at=NOON + 2 * HOUR)
    await place.put(topics.IDENTIFIED_EVENTS, loser, merged)
    await place.say(loser, identify("g3", NOON + 3 * HOUR, city="Tartu"))
    delivered = DeliveryEvent(
        workspace="default",
        contact=loser,
        message="m9",
        event="Delivered",
        at=NOON + 3 * HOUR,
        received_at=NOON + 3 * HOUR,
    )
    later = NOON + 4 * HOUR
    click = msgspec.structs.replace(delivered, event="Clicked", at=later, received_at=later)
    await place.say(loser, delivered, click)
    await place.say(loser, track("Order Completed", "g1", NOON, properties=properties))
    for _ in range(3):  # forwards are put while others are taken
        await place.idle()
    last = (await place.told_of(winner))[-1].profile
    assert last.traits["orders_count"] == 1
    assert last.traits["city"] == "Tartu"
    assert "last_clicked_at" in last.traits
    told = await place.published(topics.CONTACT_EVENTS)
    merges = [m for m in told if isinstance(m, ContactsMerged) and m.loser == loser]
    assert [m.winner for m in merges] == [winner]
    changed = {c.contact: c for c in await place.published(topics.CONTACT_CHANGES)}
    assert changed[loser].merged_into == winner
    deliveries = await place.published(topics.DELIVERY_EVENTS)
    fingerprints = {d.fingerprint() for d in deliveries if isinstance(d, DeliveryEvent)}
    assert click.fingerprint() in fingerprints


@pytest.mark.parametrize("wrong", [{"newsletter": {"state": "yes"}}, "subscribed"])
async def test_consent_that_cannot_be_understood_goes_to_the_dead_letters(
    place: Place, wrong: object
) -> None:
    contact = f"hugo-{type(wrong).__name__}"
    await place.say(contact, identify(f"{contact}1", NOON, consent=wrong))
    await place.say(contact, identify(f"{contact}2", NOON + HOUR, city="Oslo"))
    events = await place.told_of(contact)
    assert [e.event.message_id for e in events if e.event] == [f"{contact}2"]


async def test_traits_beyond_all_measure_go_to_the_dead_letters(place: Place) -> None:
    await place.say("jane", identify("j1", NOON, city="Oslo"))
    await place.say("jane", identify("j2", NOON + HOUR, novel="x" * 70_000))
    await place.say("jane", identify("j3", NOON + 2 * HOUR, city="Bergen"))
    events = await place.told_of("jane")
    assert [e.event.message_id for e in events if e.event] == ["j1", "j3"]
    assert "novel" not in events[-1].profile.traits


async def test_what_is_taken_again_from_the_beginning_changes_and_says_nothing(
    place: Place,
) -> None:
    """As after a restored position: the history knows what it has seen."""
    merged = ContactsMerged(workspace="default", loser="kate", winner=elsewhere("kate"), at=NOON)
    await place.say("kate", track("Order Completed", "k1", NOON, properties=ORDER))
    await place.put(topics.IDENTIFIED_EVENTS, "kate", merged)
    await place.say("kate", identify("k2", NOON + HOUR, city="Tartu"))
    for _ in range(3):
        await place.idle()
    await place.walk()
    outputs = (topics.CONTACT_EVENTS, topics.CONTACT_CHANGES)
    before = [len(await place.published(topic)) for topic in outputs]
    states = "SELECT contact, state FROM segmenter.profiles ORDER BY contact"
    kept = await place.db.fetch(states)
    await place.stop()
    positions = "SELECT partition, positions FROM segmenter.ownership WHERE stage = 'profile'"
    ends = {r["partition"]: r["positions"] for r in await place.db.fetch(positions)}
    await place.db.execute(
        """UPDATE segmenter.ownership SET lineage = lineage + 1, sources = '{}',
           positions = '{"identified-events": 0, "delivery-events": 0}' WHERE stage = 'profile'"""
    )
    await place.start()
    async with asyncio.timeout(20):
        while any(
            row["positions"][topic] < end
            for row in await place.db.fetch(positions)
            for topic, end in ends[row["partition"]].items()
        ):
            await asyncio.sleep(0.02)
    await place.idle()
    assert [len(await place.published(topic)) for topic in outputs] == before
    assert await place.db.fetch(states) == kept
