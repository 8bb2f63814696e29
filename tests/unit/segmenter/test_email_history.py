"""Whoever clicked is judged alike, in whatever order a mail's notifications come."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.segmenter.domain.deliveries import MAX_EARLY_CLICKS
from services.segmenter.domain.profile import wakes_at
from services.segmenter.domain.steps import Forward
from shared.contracts import ContactEvent, ContactsMerged, DeliveryEvent, Event, ProfileHandedOver
from shared.contracts.events import DeliveryType
from tests.unit.segmenter.shop import DAY, NOON, SECOND, Told

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"
END = NOON + DAY


def mail(
    event: DeliveryType,
    seconds: float,
    message: str = "m1",
    *,
    link: str = "https://shop.example/cart",
    agent: str = CHROME,
    came: datetime | None = None,
) -> DeliveryEvent:
    at = NOON + timedelta(seconds=seconds)
    return DeliveryEvent(
        workspace="default",
        contact="c",
        message=message,
        event=event,
        at=at,
        received_at=came or at,
        link=link if event == "Clicked" else "",
        user_agent=agent,
    )


def verdicts(told: Told) -> list[tuple[str, float, str]]:
    """Message, seconds after noon, and who clicked."""
    found = [e for e in told.effects if isinstance(e, ContactEvent) and e.verdict]
    return [
        (e.delivery.message, (e.delivery.at - NOON).total_seconds(), str(e.verdict))
        for e in found
        if e.delivery
    ]


mails = st.builds(
    lambda clicks: [
        mail("Sent", 0),
        mail("Delivered", 5),
        *(mail("Clicked", s, link=f"https://shop.example/{i}") for i, s in enumerate(clicks)),
    ],
    st.lists(st.integers(4, 20), min_size=1, max_size=3),  # four links are a sweep
)


@given(
    mails,
    st.randoms(use_true_random=False),
    st.lists(st.tuples(st.booleans(), st.integers(0, 40)), min_size=6, max_size=6),
)
def test_notifications_in_any_order_and_twice_give_the_same_verdicts(
    told: list[DeliveryEvent], random: object, again: list[tuple[bool, int]]
) -> None:
    """Whenever they come, if nobody looks before the last has come."""
    came = [replace(e, received_at=NOON + (30 + n) * SECOND) for e, (_, n) in zip(told, again)]  # noqa: B905
    twice = [
        replace(e, received_at=e.received_at + 15 * SECOND)
        for e, (repeated, _) in zip(came, again, strict=False)
        if repeated
    ]
    shuffled = came + twice
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = Told.of().takes(*told).waits(END)
    other = once(Told.of(), shuffled).waits(END)
    assert Counter(verdicts(one)) == Counter(verdicts(other))
    assert one.state.seen == other.state.seen


def once(told: Told, events: list[DeliveryEvent]) -> Told:
    """The stage drops what is in the history."""
    for event in events:
        taken = [e.delivery for e in told.effects if isinstance(e, ContactEvent) and e.delivery]
        if event.fingerprint() not in {each.fingerprint() for each in taken}:
            told.takes(event)
    return told


def test_a_click_within_two_seconds_of_its_delivery_is_a_machines_if_it_comes_first_too() -> None:
    told = Told.of().takes(mail("Sent", 0), mail("Clicked", 6))
    assert verdicts(told) == []
    told.takes(mail("Delivered", 5, came=NOON + 7 * SECOND))
    assert verdicts(told) == [("m1", 6, "machine")]
    assert told.state.early_clicks == {}
    assert told.state.seen.clicked is None


def test_a_delivery_whose_word_comes_after_the_wait_counts_when_nobody_looked_before() -> None:
    told = Told.of().takes(mail("Clicked", 6), mail("Delivered", 5, came=NOON + 60 * SECOND))
    assert verdicts(told) == [("m1", 6, "machine")]


def test_what_the_shop_says_meanwhile_does_not_end_the_wait() -> None:
    """It comes by another topic, and says nothing of how far the mails' is read."""
    at = NOON + 60 * SECOND
    view = Event(message_id="v", kind="track", name="Product Viewed", at=at, received_at=at)
    told = Told.of().takes(mail("Clicked", 6), view, mail("Delivered", 5, came=NOON + 7 * SECOND))
    assert verdicts(told) == [("m1", 6, "machine")]


def test_a_click_whose_delivery_is_never_heard_of_is_judged_ten_seconds_later() -> None:
    told = Told.of().takes(mail("Clicked", 6))
    assert wakes_at(told.state) == NOON + 16 * SECOND
    assert verdicts(told.waits(NOON + timedelta(seconds=15.9))) == []
    assert verdicts(told.waits(NOON + 16 * SECOND)) == [("m1", 6, "human")]
    entered = [change for change in told.changes() if change.segment == "clickers"]
    assert [(c.change, c.at) for c in entered] == [("entered", NOON + 16 * SECOND)]


def test_who_is_a_machine_for_sure_does_not_wait() -> None:
    told = Told.of().takes(mail("Clicked", 6, agent="curl/8"))
    assert verdicts(told) == [("m1", 6, "machine")]


def test_so_many_clicks_do_not_wait_that_the_state_grows_without_end() -> None:
    clicks = [mail("Clicked", 6, f"m{i}") for i in range(MAX_EARLY_CLICKS + 5)]
    told = Told.of().takes(*clicks)
    assert len(told.state.early_clicks) == MAX_EARLY_CLICKS
    assert len(verdicts(told)) == 5
    assert len(verdicts(told.waits(END))) == MAX_EARLY_CLICKS + 5


def test_who_turns_out_to_be_a_machine_need_not_wait_longer() -> None:
    links = [f"https://shop.example/{i}" for i in range(4)]
    told = Told.of().takes(*(mail("Clicked", 6 + i, link=link) for i, link in enumerate(links)))
    assert [by for _, _, by in verdicts(told)] == ["machine"] * 4


def merging(loser: Told, at: datetime) -> tuple[ProfileHandedOver, list[DeliveryEvent]]:
    """What is handed over, and the clicks that go as messages."""
    loser.turn(ContactsMerged(workspace="default", loser="loser", winner="winner", at=at), at)
    return next(e for e in loser.effects if isinstance(e, ProfileHandedOver)), forwarded(loser)


def forwarded(loser: Told) -> list[DeliveryEvent]:
    messages = [e.message for e in loser.effects if isinstance(e, Forward)]
    assert all(isinstance(m, DeliveryEvent) and m.by_merge for m in messages)
    return [m for m in messages if isinstance(m, DeliveryEvent) and m.contact == "winner"]


@given(st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_a_click_that_waits_goes_with_the_contact_whatever_overtakes_what(
    random: object, repeated: bool, late: bool
) -> None:
    """Two topics: what is handed over comes by one, what is forwarded by the other."""
    click, at = mail("Clicked", 6), NOON + 7 * SECOND
    loser, winner = Told.of("loser").takes(click), Told.of("winner")
    handed, _ = merging(loser, at)
    loser.takes(*[replace(click, received_at=NOON + 20 * SECOND)] * repeated)
    loser.takes(mail("Delivered", 5, came=NOON + 8 * SECOND))
    place = random.randrange(4)  # type: ignore[attr-defined]
    for number, message in enumerate(forwarded(loser)):
        if number == place:
            winner.turn(handed, at)
        once(winner, [message])
    if handed.loser not in winner.state.merged_from:
        winner.turn(handed, at)
    if late:
        once(winner, [replace(click, contact="winner", received_at=NOON + 40 * SECOND)])
    assert verdicts(winner.waits(END)) == [("m1", 6, "machine")]
    assert verdicts(loser) == []


@pytest.mark.parametrize("winner_knows", [True, False])
def test_a_merge_forgets_no_delivery(winner_knows: bool) -> None:
    knows, other = mail("Delivered", 5), mail("Clicked", 6, agent="curl/8")
    loser = Told.of("loser").takes(other if winner_knows else knows)
    winner = Told.of("winner").takes(knows if winner_knows else other)
    handed, _ = merging(loser, NOON + 60 * SECOND)
    winner.turn(handed, NOON + 60 * SECOND)
    winner.takes(mail("Clicked", 6.5))
    assert verdicts(winner)[-1] == ("m1", 6.5, "machine")
