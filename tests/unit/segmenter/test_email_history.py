"""Whoever clicked is judged alike, in whatever order a mail's notifications come."""

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.segmenter.domain.profile import MAX_EARLY_CLICKS, wakes_at
from shared.contracts import ContactEvent, ContactsMerged, DeliveryEvent, ProfileHandedOver
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


@given(mails, st.randoms(use_true_random=False), st.lists(st.booleans(), min_size=8, max_size=8))
def test_notifications_in_any_order_and_twice_give_the_same_verdicts(
    told: list[DeliveryEvent], random: object, twice: list[bool]
) -> None:
    came = NOON + timedelta(seconds=30)  # all within the time that a click waits
    late = [mail(e.event, (e.at - NOON).total_seconds(), link=e.link, came=came) for e in told]
    shuffled = late + [e for e, repeated in zip(late, twice, strict=False) if repeated]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = Told.of().takes(*told).waits(END)
    other = once(Told.of(), shuffled).waits(END)
    assert Counter(verdicts(one)) == Counter(verdicts(other))
    assert one.state.seen == other.state.seen


def once(told: Told, events: list[DeliveryEvent]) -> Told:
    """The stage drops what is in the history."""
    for event in events:
        history = [e.delivery for e in told.effects if isinstance(e, ContactEvent)]
        if event not in history:
            told.takes(event)
    return told


def test_a_click_within_two_seconds_of_its_delivery_is_a_machines_if_it_comes_first_too() -> None:
    told = Told.of().takes(mail("Sent", 0), mail("Clicked", 6))
    assert verdicts(told) == []
    told.takes(mail("Delivered", 5, came=NOON + 7 * SECOND))
    assert verdicts(told) == [("m1", 6, "machine")]
    assert told.state.early_clicks == ()
    assert told.state.seen.clicked is None


def test_a_delivery_whose_word_comes_after_the_wait_counts_when_nobody_looked_before() -> None:
    told = Told.of().takes(mail("Clicked", 6), mail("Delivered", 5, came=NOON + 60 * SECOND))
    assert verdicts(told) == [("m1", 6, "machine")]


def test_a_click_whose_delivery_is_never_heard_of_is_judged_ten_seconds_later() -> None:
    told = Told.of().takes(mail("Clicked", 6))
    assert wakes_at(told.state) == NOON + 16 * SECOND
    assert verdicts(told.waits(NOON + timedelta(seconds=15.9))) == []
    assert verdicts(told.waits(NOON + 16 * SECOND)) == [("m1", 6, "human")]
    entered = [change for change in told.changes() if change.segment == "clickers"]
    assert [(c.change, c.at) for c in entered] == [("entered", NOON + 16 * SECOND)]


def test_a_click_is_judged_before_what_comes_later_than_its_wait() -> None:
    told = Told.of().takes(mail("Clicked", 6), mail("Opened", 60, "m2"))
    assert [message for message, _, _ in verdicts(told)] == ["m1", "m2"]


def test_who_is_a_machine_for_sure_does_not_wait() -> None:
    told = Told.of().takes(mail("Clicked", 6, agent="curl/8"))
    assert verdicts(told) == [("m1", 6, "machine")]


def test_so_many_clicks_do_not_wait_that_the_state_grows_without_end() -> None:
    clicks = [mail("Clicked", 6, f"m{i}") for i in range(MAX_EARLY_CLICKS + 5)]
    told = Told.of().takes(*clicks)
    assert len(told.state.early_clicks) == MAX_EARLY_CLICKS
    assert len(verdicts(told)) == 5
    assert len(verdicts(told.waits(END))) == MAX_EARLY_CLICKS + 5


def test_a_click_that_waits_goes_with_the_contact() -> None:
    loser, winner = Told.of("loser").takes(mail("Clicked", 6)), Told.of("winner")
    at = NOON + 7 * SECOND
    loser.turn(ContactsMerged(workspace="default", loser="loser", winner="winner", at=at), at)
    winner.turn(next(e for e in loser.effects if isinstance(e, ProfileHandedOver)), at)
    winner.takes(mail("Delivered", 5, came=at))
    assert verdicts(loser) == []
    assert verdicts(winner) == [("m1", 6, "machine")]
    (click,) = [e for e in winner.effects if isinstance(e, ContactEvent) and e.verdict]
    assert click.delivery
    assert (click.delivery.contact, click.by_merge) == ("winner", True)
