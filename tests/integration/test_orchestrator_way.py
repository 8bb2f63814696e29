"""Contact-events in, sends and journey-events out: the real process, time stepped by hand."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from shared.contracts import ContactsMerged, Definition, topics
from shared.contracts.keys import contact_key
from shared.kafka.partitioner import partition_of
from tests.integration.orchestrator_place import HOUR, PARTITIONS, Place, running

CART = """
journey: abandoned-cart
trigger:
  quiet: [Product Added, Checkout Started]
  for: 1h
  key: [checkout_id, cart_id]
topic: cart-reminders
reentry: per_key
exit_when:
  - {event: Order Completed, match: key, if_missing: exit}
goal: {event: Order Completed, match: key, if_missing: match, within: 5d, value: revenue}
steps:
  - {id: reminder, send: cart-reminder}
  - {id: two-days, delay: 2d}
  - {id: offer, send: cart-offer}
"""
HELLO = """
journey: hello
trigger: {event: Signed Up}
topic: cart-reminders
reentry: every_time
steps:
  - {id: hello, send: welcome}
"""
LATER = """
journey: later
trigger: {event: Signed Up Later}
topic: cart-reminders
steps:
  - {id: wait, delay: 1h}
  - {id: mail, send: welcome}
"""
UNREADABLE = Definition(
    workspace="default", kind="journey", id="broken", version=1, revision=1, body={"steps": 7}
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(kafka: str, database: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with running(kafka, database, topic_prefix) as place:
        await place.announce(UNREADABLE)  # of a newer Tuvi, perhaps: all others go on
        for body in (CART, HELLO, LATER):
            status, answer = await place.call("POST", "/v1/journeys", body)
            assert status == 201, answer
        await _in_force(place)
        yield place


async def _in_force(place: Place) -> None:
    """Until the stage acts on what was published (it follows the topic, not the API)."""
    for i in range(100):
        await place.happens(f"probe-{i}", "Signed Up")
        await place.settle()
        if await place.sends(f"probe-{i}"):
            return
    pytest.fail("the journeys never came into force")


async def test_a_cart_left_for_an_hour_is_reminded_and_no_second_earlier(place: Place) -> None:
    await place.happens("left", "Product Added", {"cart_id": "k1", "value": 30})
    await place.settle(place.now + HOUR - timedelta(seconds=1))
    assert await place.sends("left") == []
    await place.settle()
    assert await place.sends("left") == ["reminder"]
    assert ("entered", "") in await place.told("left")


async def test_who_buys_in_the_quiet_hour_is_left_alone(place: Place) -> None:
    await place.happens("buyer", "Product Added", {"cart_id": "k2", "value": 30})
    await place.settle(place.now + HOUR / 2)
    await place.happens("buyer", "Order Completed", {"cart_id": "k2", "revenue": 30})
    await place.settle(place.now + 2 * HOUR)
    assert await place.sends("buyer") == []


async def test_an_outage_before_this_stage_reminds_nobody_who_bought_in_it(place: Place) -> None:
    await place.happens("late", "Product Added", {"cart_id": "k3", "value": 30})
    await place.happens("idle", "Product Added", {"cart_id": "k4", "value": 30})
    await place.settle()
    ordered_at = place.now + HOUR / 2
    await place.clock_to(place.now + 3 * HOUR)  # segmenter is down: its progress stands
    await place.went_round()
    assert await place.sends("late") == await place.sends("idle") == []
    order = {"cart_id": "k3", "revenue": 30}
    await place.happens("late", "Order Completed", order, at=ordered_at)
    await place.settle()
    assert await place.sends("late") == []
    assert await place.sends("idle") == ["reminder"]


async def test_the_same_message_again_changes_nothing(place: Place) -> None:
    source = f"profile/{partition_of(contact_key('default', 'again'), PARTITIONS)}/1/77/0"
    message = await place.happens("again", "Signed Up", source=source)
    await place.settle()
    before = await _everything(place, "again")
    await place.publish(topics.CONTACT_EVENTS, "again", message, source)
    await place.settle()
    assert await _everything(place, "again") == before
    assert await place.sends("again") == ["hello"]


async def _everything(place: Place, contact: str) -> list[object]:
    rows = [
        await place.db.fetch(f"SELECT * FROM {table} WHERE contact = $1 ORDER BY 1, 2, 3", contact)
        for table in ("contacts", "runs", "decisions", "timers")
    ]
    return [*rows, await place.sends(contact), await place.told(contact)]


async def test_what_concerns_no_journey_costs_no_row(place: Place) -> None:
    await place.happens("passer-by", "Product Viewed", {"product_id": "p1"})
    await place.settle()
    rows = [
        await place.db.fetchval(f"SELECT count(*) FROM {table} WHERE contact = 'passer-by'")
        for table in ("contacts", "runs", "decisions", "timers")
    ]
    assert rows == [0, 0, 0, 0]


async def test_a_paused_journey_takes_nobody_in_until_it_is_resumed(place: Place) -> None:
    await place.call("POST", "/v1/journeys/hello/pause")
    await _until(place, "paused", reminded=False)
    status, answer = await place.call("POST", "/v1/journeys/hello/resume")
    assert (status, answer["status"]) == (200, "running")
    await _until(place, "resumed", reminded=True)


async def test_what_was_due_in_a_pause_is_done_when_it_is_over(place: Place) -> None:
    await place.happens("held", "Signed Up Later")
    await place.call("POST", "/v1/journeys/later/pause")
    await place.call("POST", "/v1/journeys/hello/pause")  # announced after it: shows both
    await _until(place, "held-too", reminded=False)
    await place.settle(place.now + HOUR)
    assert await place.sends("held") == []
    _, answer = await place.call("GET", "/v1/journeys/later/runs?contact=held")
    assert [(r["status"], r["held"], r["step"]) for r in answer["items"]] == [
        ("active", True, "wait")
    ]
    resumed_at = place.now
    await place.call("POST", "/v1/journeys/later/resume")
    await place.call("POST", "/v1/journeys/hello/resume")
    await _until(place, "freed-too", reminded=True)
    await place.settle()
    await place.settle()
    assert await place.sends("held") == ["mail"]
    assert place.now - resumed_at < timedelta(minutes=1)


async def test_a_parked_timer_stays_parked_though_its_runs_journey_is_in_force(
    place: Place,
) -> None:
    """What broke its batch once is not tried again and again because its run was held."""
    await place.happens("parked", "Signed Up Later")
    await place.settle()
    await place.db.execute("UPDATE runs SET held = true WHERE contact = 'parked'")
    await place.db.execute("UPDATE timers SET due_at = 'infinity' WHERE contact = 'parked'")
    await place.settle(place.now + 2 * HOUR)
    await place.went_round()
    assert await place.db.fetchval(
        "SELECT due_at = 'infinity' FROM timers WHERE contact = 'parked'"
    )
    assert await place.sends("parked") == []


async def test_a_run_of_a_version_this_process_cannot_read_is_held_until_it_can(
    place: Place,
) -> None:
    ahead = LATER.replace("later", "ahead").replace("Signed Up Later", "Signed Up Ahead")
    status, _ = await place.call("POST", "/v1/journeys", ahead)
    assert status == 201
    for i in range(100):
        await place.happens(f"ahead-{i}", "Signed Up Ahead")
        await place.settle()
        if await place.told(contact := f"ahead-{i}"):
            break
    # As a newer process would have left it, that knows version 9:
    await place.db.execute(
        """UPDATE contacts SET state = jsonb_set(state, '{runs,0,version}', '9')
           WHERE contact = $1""",
        contact,
    )
    await place.db.execute("UPDATE runs SET version = 9 WHERE contact = $1", contact)
    await place.settle(place.now + HOUR)
    await place.went_round()
    _, answer = await place.call("GET", f"/v1/journeys/ahead/runs?contact={contact}")
    assert [(r["status"], r["held"]) for r in answer["items"]] == [("active", True)]
    due = await place.db.fetchval("SELECT due_at FROM timers WHERE contact = $1", contact)
    assert due > place.now, "it looks again in minutes, not all the time"
    body = await place.db.fetchval("SELECT body FROM definitions WHERE id = 'ahead'")
    known = Definition(
        workspace="default", kind="journey", id="ahead", version=9, revision=10**6, body=body
    )
    await place.announce(known)
    held_since = place.now
    for _ in range(100):
        await place.settle()
        if await place.sends(contact):
            break
    assert await place.sends(contact) == ["mail"]
    assert place.now - held_since < timedelta(minutes=5), "it was woken when the version came"


async def test_a_run_keeps_the_version_it_entered_by(place: Place) -> None:
    await place.happens("pinned", "Signed Up Later")
    await place.settle()
    changed = LATER.replace("id: mail, send: welcome", "id: other, send: welcome")
    await place.call("PUT", "/v1/journeys/later", changed)
    await place.call("POST", "/v1/journeys/hello/pause")
    await _until(place, "pinned-too", reminded=False)
    await place.call("POST", "/v1/journeys/hello/resume")
    await _until(place, "pinned-no-more", reminded=True)
    await place.happens("newer", "Signed Up Later")
    await place.settle()
    await place.settle(place.now + HOUR)
    await place.call("PUT", "/v1/journeys/later", LATER)
    assert (await place.sends("pinned"), await place.sends("newer")) == (["mail"], ["other"])


async def _until(place: Place, name: str, *, reminded: bool) -> None:
    """The registry follows the topic; from the first contact that shows it, it holds."""
    for i in range(100):
        await place.happens(f"{name}-{i}", "Signed Up")
        await place.settle()
        if bool(await place.sends(f"{name}-{i}")) == reminded:
            break
    else:
        pytest.fail(f"never {name}")
    await place.happens(f"{name}-then", "Signed Up")
    await place.settle()
    assert bool(await place.sends(f"{name}-then")) == reminded


async def test_after_a_merge_the_run_goes_on_with_the_winner(place: Place) -> None:
    await place.happens("loser", "Product Added", {"cart_id": "k5", "value": 30})
    await place.settle(place.now + HOUR)
    assert await place.sends("loser") == ["reminder"]
    merge = ContactsMerged(workspace="default", loser="loser", winner="winner", at=place.now)
    await place.publish(topics.CONTACT_EVENTS, "loser", merge)
    await place.settle()
    runs = (await place.call("GET", "/v1/journeys/abandoned-cart/runs?contact=loser"))[1]["items"]
    assert [(r["contact"], r["step"], r["status"]) for r in runs] == [
        ("winner", "reminder", "active")
    ]
    await place.happens("winner", "Order Completed", {"cart_id": "k5", "revenue": 30})
    await place.settle()
    assert ("exited", "Order Completed") in await place.told("winner")


async def test_explain_tells_who_entered_who_was_refused_and_who_never_came(place: Place) -> None:
    await place.happens("refused", "Product Added", {"cart_id": "k6"}, consent="unsubscribed")
    await place.happens("entered", "Product Added", {"cart_id": "k7"})
    await place.settle(place.now + HOUR)
    await place.happens("waiting", "Product Added", {"cart_id": "k8"})
    await place.settle()

    async def words(contact: str) -> str:
        path = f"/v1/journeys/abandoned-cart/explain?contact={contact}"
        status, answer = await place.call("GET", path)
        assert status == 200, answer
        return "\n".join(answer["words"])

    assert "reminder" in await words("entered")
    assert "has unsubscribed" in await words("refused")
    assert "started the quiet time for cart_id=k8" in await words("waiting")
    assert "skipped" not in await words("waiting") + await words("entered")
    await place.happens("waiting", "Page Read", consent="unsubscribed")
    await place.happens("entered", "Page Read", consent="unsubscribed")
    await place.settle()
    skipped = "will be skipped, unsubscribed: has unsubscribed from this topic (cart-reminders)"
    assert (await words("waiting")).endswith(skipped)
    assert (await words("entered")).endswith(skipped)
    assert "started by Product Added or Checkout Started, then 1h" in await words("never-seen")


async def test_entries_are_counted(place: Place) -> None:
    async with place.http.get(f"{place.url}/metrics") as answer:
        text = await answer.text()
    assert 'tuvi_journey_entries_total{journey="hello"}' in text
