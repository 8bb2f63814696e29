"""What is said of an event that journeys heard of: what they made of it, and what silence means."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.orchestrator.domain import Decision, Journeys, parse_journey
from services.orchestrator.domain.reactions import (
    Going,
    Happened,
    Reaction,
    Traces,
    Waiting,
    heeding,
    listening,
    nobody_listens,
    reactions,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STEPS = [{"id": "mail", "send": "mail"}]


def journey(name: str, **more: Any) -> Any:
    body = {"journey": name, "topic": "news", "reentry": "every_time", "steps": STEPS, **more}
    return parse_journey(body, version=1)


CART = journey(
    "cart",
    trigger={"quiet": ["Product Added"], "for": "1h", "key": ["cart_id"]},
    exit_when=[{"event": "Order Completed", "match": "key", "if_missing": "exit"}],
)
BIG = journey("big", trigger={"event": "Order Completed", "where": {"items": {"gte": 5}}})
LOYAL = journey("loyal", trigger={"segment": "loyal", "on": "entered"})
ALL = Journeys([CART, BIG, LOYAL])
ADDED = Happened("m-1", "Product Added", NOON, "c")
ORDER = Happened("m-2", "Order Completed", NOON, "c")
WAITING = Waiting("c", "cart", "m-1", NOON, NOON + HOUR)
RUN = Going("c", "cart", "r", NOON - HOUR)


def decided(what: str, reason: str, **more: Any) -> Decision:
    fields = {"journey": "cart", "contact": "c", "input": "m-1", **more}
    return Decision(workspace="w", version=1, at=NOON, what=what, reason=reason, **fields)


def made(happened: Happened, *, passed: bool = True, **traces: Any) -> list[tuple[str, str, str]]:
    found, final = reactions(ALL, happened, Traces(**traces), passed=passed)
    assert final or not passed
    return [(one.journey, one.what, one.words) for one in found]


def is_final(happened: Happened, **traces: Any) -> bool:
    """Before the orchestrator has said that it has passed that time."""
    return reactions(ALL, happened, Traces(**traces), passed=False)[1]


def test_a_decision_on_the_event_is_told_as_explain_tells_it() -> None:
    refused = decided("refused", "no_consent", detail={"key": "k"})

    assert made(ADDED, decisions=[refused]) == [
        (
            "cart",
            "decided",
            "did not enter for k, no_consent: has not given consent for this topic (news)",
        )
    ]
    assert is_final(ADDED, decisions=[refused])


def test_another_contacts_decision_on_the_same_message_id_is_not_ours() -> None:
    other = decided("refused", "no_consent", contact="somebody")

    assert not any(what == "decided" for _, what, _ in made(ADDED, decisions=[other]))


def test_a_run_that_began_later_is_told_of_the_event_that_started_it() -> None:
    entered = decided("entered", "", input="timer", detail={"started_by": "m-1"})

    assert made(ADDED, decisions=[entered]) == [("cart", "decided", "entered, started by m-1")]


def test_what_was_decided_before_a_merge_is_told_of_who_it_is_now() -> None:
    refused = decided("refused", "too_old")

    merged = replace(ADDED, contact="winner", was="c")
    assert [what for _, what, _ in made(merged, decisions=[refused])] == ["decided"]


def test_what_its_segments_started_is_told_of_the_event() -> None:
    bought = replace(ORDER, entered=("loyal",))
    cause = f"loyal:entered:{NOON.isoformat()}"
    entered = decided("entered", "", journey="loyal", input=cause)

    assert [j.id for j in listening(ALL, bought)] == ["big", "loyal"]
    assert ("loyal", "decided", f"entered, started by {cause}") in made(bought, decisions=[entered])
    left = replace(ORDER, left=("loyal",))
    assert [j.id for j in listening(ALL, left)] == ["big"]


def test_a_quiet_time_that_runs_says_when_it_is_decided() -> None:
    words = "waits until 2026-06-01 13:00:00 UTC whether it stays quiet"

    assert made(ADDED, waiting=[WAITING]) == [("cart", "waiting", words)]
    more = replace(ADDED, message_id="m-9", received_at=NOON + HOUR / 2)
    assert made(more, waiting=[WAITING]) == [("cart", "waiting", words)]


def test_more_of_a_run_that_goes_on_is_told_so() -> None:
    assert [what for _, what, _ in made(ADDED, runs=[RUN])] == ["continued"]
    over = replace(RUN, exited_at=NOON - HOUR / 2)
    assert [what for _, what, _ in made(ADDED, runs=[over])] == ["silent"]


def test_silence_is_told_only_when_nothing_can_come_any_more() -> None:
    assert made(ADDED, passed=False) == []
    assert not is_final(ADDED)
    [(name, what, words)] = made(ADDED)
    assert (name, what) == ("cart", "silent")
    assert words.endswith("`tuvi journeys explain cart --contact c` has more")


def test_silence_of_a_trigger_with_where_names_it() -> None:
    assert made(ORDER) == [
        ("big", "silent", "did not enter: the event is not what the trigger's `where` asks for")
    ]


def test_history_starts_nothing_and_is_told_so() -> None:
    [(_, _, words)] = made(replace(ADDED, origin="import"))

    assert words.startswith("history starts nothing")


def test_what_may_still_end_a_run_is_waited_for() -> None:
    page = replace(ORDER, name="Page Seen")
    alone = Journeys([CART])

    assert heeding(ALL, ORDER) == {"cart"}
    assert reactions(alone, page, Traces(runs=[RUN]), passed=False) == ([], True)
    assert reactions(alone, ORDER, Traces(), passed=False) == ([], True)
    assert reactions(alone, ORDER, Traces(runs=[RUN]), passed=False) == ([], False)
    assert reactions(alone, ORDER, Traces(waiting=[WAITING]), passed=False) == ([], False)


def test_an_event_that_no_trigger_names_is_told_so_with_what_was_meant() -> None:
    def words(name: str, journeys: Journeys = ALL) -> str:
        return nobody_listens(journeys, replace(ADDED, name=name))

    nobody = "no running journey is triggered by"
    assert words("Product Added") == words("") == ""
    assert words("product added") == f"{nobody} 'product added'; did you mean 'Product Added'?"
    assert words("Order Complete") == f"{nobody} 'Order Complete'; did you mean 'Order Completed'?"
    assert words("Product Viewed") == f"{nobody} 'Product Viewed'"  # is meant as it is
    assert words("Logged In") == f"{nobody} 'Logged In'"
    ends = words("Order Completed", Journeys([CART]))
    assert ends == f"{nobody} 'Order Completed'; it may end runs of cart"


@given(
    name=st.sampled_from(["Product Added", "Order Completed", "", "x"]),
    at=st.datetimes(timezones=st.just(UTC)),
    waiting=st.lists(
        st.builds(
            Waiting,
            st.just("c"),
            st.just("cart"),
            st.text(),
            *[st.datetimes(timezones=st.just(UTC))] * 2,
        ),
        max_size=3,
    ),
    passed=st.booleans(),
)
def test_each_listening_journey_speaks_once_the_time_has_passed(
    name: str,
    at: datetime,
    waiting: list[Waiting],
    passed: bool,
) -> None:
    happened = Happened("m", name, at, "c", entered=("loyal",))
    found, final = reactions(ALL, happened, Traces(waiting=waiting), passed=passed)

    heard = {j.id for j in listening(ALL, happened)}
    assert {one.journey for one in found} <= heard
    assert all(isinstance(one, Reaction) and one.words for one in found)
    if passed:
        assert final
        assert {one.journey for one in found} == heard
