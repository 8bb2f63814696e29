"""The profile core: no order matters, nothing counts twice, nothing falls through."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.segmenter.domain import email_history
from services.segmenter.domain.definitions import of
from services.segmenter.domain.profile import fresh, relearned, transition
from services.segmenter.domain.snapshot import happened_at, occurrence
from services.segmenter.domain.state import ContactState, decode, unpack
from services.segmenter.domain.steps import Due, Forward, Input
from shared.conditions import Occurrence
from shared.contracts import (
    Consent,
    ContactChanged,
    ContactEvent,
    ContactsMerged,
    DeliveryEvent,
    Event,
    IdentifiedEvent,
    ProfileHandedOver,
    encode,
    plain,
)
from shared.contracts.events import DeliveryType
from shared.engagement import MessageContext, verdict
from tests.unit.segmenter.shop import (
    ALL,
    AT_RISK,
    DAY,
    NOON,
    SECOND,
    Told,
    essence,
    lives,
    moments,
    segment,
)

END = NOON + 60 * DAY
Life = list[Event | DeliveryEvent]


@settings(max_examples=60)
@given(lives(), st.randoms(use_true_random=False))
def test_the_order_in_which_partitions_deliver_does_not_matter(life: Life, random: object) -> None:
    shuffled = list(life)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = Told.of().takes(*life).waits(END).state
    other = Told.of().takes(*shuffled).waits(END).state
    assert essence(one) == essence(other)


@settings(max_examples=60)
@given(lives())
def test_what_is_kept_equals_what_the_history_says(life: Life) -> None:
    kept = Told.of().takes(*life).waits(END).state
    assert relearned(kept, past(life), ALL).aggregates == kept.aggregates
    forgetful = relearned(kept, past(life), of([AT_RISK]))
    assert set(forgetful.aggregates) <= set(kept.aggregates)
    assert relearned(forgetful, past(life), ALL).aggregates == kept.aggregates


def past(life: Life) -> list[Occurrence]:
    """As the history's rows would say it."""
    found: list[Occurrence | None] = []
    for what in life:
        if isinstance(what, Event):
            found.append(occurrence(what))
        else:
            by = verdict(what, MessageContext())
            human = what.event not in email_history.JUDGED or by.by == "human"
            found.append(email_history.occurrence(what, happened_at(what), human=human))
    return [o for o in found if o is not None]


@settings(max_examples=60)
@given(lives(), st.lists(st.booleans(), min_size=12, max_size=12), st.integers(0, 12), moments)
def test_two_contacts_who_merge_become_what_one_would_have_been(
    life: Life, whose: list[bool], when: int, at: datetime
) -> None:
    alone = Told.of("winner").takes(*life).waits(END)
    loser, winner = Told.of("loser"), Told.of("winner")
    handed: ProfileHandedOver | None = None
    for i, what in enumerate(life):
        if i == when:
            handed = merge(loser, at)
        (loser if whose[i % len(whose)] else winner).takes(what)
    handed = handed or merge(loser, at)
    winner.turn(handed, at)
    for effect in [e for e in loser.effects if isinstance(e, Forward)]:
        message = effect.message
        assert effect.contact == "winner"
        assert isinstance(message, IdentifiedEvent | DeliveryEvent)
        winner.takes(message.event if isinstance(message, IdentifiedEvent) else message)
    winner.waits(END)
    assert essence(winner.state) == essence(alone.state)
    assert winner.state.merged_from == ("loser",)
    again = winner.turn(handed, END).state
    assert essence(again) == essence(alone.state)


def merge(loser: Told, at: datetime) -> ProfileHandedOver:
    loser.turn(ContactsMerged(workspace="default", loser="loser", winner="winner", at=at), at)
    return next(e for e in loser.effects if isinstance(e, ProfileHandedOver))


@settings(max_examples=60)
@given(lives(), st.lists(moments, max_size=6))
def test_looking_more_often_finds_the_same_changes_at_the_same_instants(
    life: Life, looks: list[datetime]
) -> None:
    life = sorted(life, key=lambda e: e.received_at)
    once, often = Told.of().takes(*life).waits(END), Told.of()
    steps: list[Event | DeliveryEvent | datetime] = [*life, *looks]
    for step in sorted(steps, key=lambda s: s if isinstance(s, datetime) else s.received_at):
        if isinstance(step, datetime):
            often.waits(step - SECOND)
        else:
            often.takes(step)
    often.waits(END)
    assert once.changes() == often.changes()
    for change in once.changes():
        assert change.at <= END


@settings(max_examples=60)
@given(lives(), moments)
def test_every_state_takes_every_input_and_survives_being_stored(life: Life, at: datetime) -> None:
    state = Told.of().takes(*life).state
    redirect = ContactState(workspace="default", contact="c", merged_into="w", clock=NOON)
    inputs: list[Input] = [
        Due(),
        ContactsMerged(workspace="default", loser="c", winner="c", at=at),
        ContactsMerged(workspace="default", loser="c", winner="x", at=at),
        ProfileHandedOver(
            workspace="default", contact="c", loser="y", at=at, state=plain(Told.of("y").state)
        ),
        *(e for e in life if isinstance(e, DeliveryEvent)),
        *(
            IdentifiedEvent(workspace="default", contact="c", event=e)
            for e in life
            if isinstance(e, Event)
        ),
    ]
    for before in (state, redirect, fresh("default", "c", ALL)):
        for what in inputs:
            after, effects = transition(before, what, ALL, at)
            assert decode(encode(after)) == after
            assert unpack(plain(after)) == after
            assert all(encode(effect) for effect in effects)


@settings(max_examples=60)
@given(lives())
def test_versions_count_the_changes_that_senders_must_know(life: Life) -> None:
    told = Told.of().takes(*life)
    changed = [e for e in told.effects if isinstance(e, ContactChanged)]
    assert [c.version for c in changed] == list(range(1, len(changed) + 1))
    newest = 0
    for effect in told.effects:
        if isinstance(effect, ContactChanged):
            newest = effect.version
        elif isinstance(effect, ContactEvent):
            assert effect.profile.version == newest


def order(message_id: str, at: datetime, name: str = "Order Completed", **more: object) -> Event:
    properties = {"order_id": "o1", "revenue": Decimal(60), "currency": "EUR", **more}
    return Event(
        message_id=message_id,
        kind="track",
        name=name,
        at=at,
        received_at=at,
        properties=properties,
    )


def test_a_segment_changes_at_the_instant_and_not_a_microsecond_before() -> None:
    told = Told.of().takes(order("m1", NOON))
    due = NOON + 9 * DAY
    assert told.waits(due - timedelta(microseconds=1)).changes()[-1].segment != "at-risk"
    told.waits(due)
    last = told.changes()[-1]
    assert (last.segment, last.change, last.at, last.backfill) == ("at-risk", "entered", due, False)


def test_what_was_due_is_dated_when_it_was_due_and_comes_before_a_later_event() -> None:
    told = Told.of(definitions=of([AT_RISK])).takes(order("m1", NOON))
    told.takes(order("m2", NOON + 12 * DAY, order_id="o2"))
    assert [(c.change, c.at) for c in told.changes()] == [
        ("entered", NOON + 9 * DAY),
        ("left", NOON + 12 * DAY),
    ]
    said = [e.event.message_id if e.event else "segment" for e in told.effects[1:]]  # type: ignore[union-attr]
    assert said == ["segment", "m2", "segment"]


def test_an_order_that_comes_again_replaces_and_a_refund_subtracts() -> None:
    told = Told.of().takes(
        order("r1", NOON + DAY, "Order Refunded", revenue=Decimal(20)),  # before its order
        order("m1", NOON),
        order("m2", NOON + SECOND, revenue=Decimal(100)),
    )
    assert told.state.orders.totals.count == 1
    assert told.state.orders.totals.revenue == {"EUR": Decimal(80)}
    told.takes(order("x1", NOON + 2 * DAY, "Order Cancelled"))
    assert told.state.orders.totals.count == 0


def says(message_id: str, state: str, at: datetime = NOON) -> Event:
    traits = {"consent": {"news": {"state": state}}}
    return Event(message_id=message_id, kind="identify", at=at, received_at=at, traits=traits)


def test_of_two_words_at_the_same_instant_the_stricter_consent_counts() -> None:
    told = Told.of().takes(says("a", "unsubscribed"), says("b", "subscribed"))
    assert told.state.consent["news"].state == "unsubscribed"


def chose(what: DeliveryType, topic: str = "", at: datetime = NOON, **more: Any) -> DeliveryEvent:
    given = {"message": "m", "source": "preferences", "topic": topic, **more}
    return DeliveryEvent(
        workspace="default", contact="c", event=what, at=at, received_at=at, **given
    )


def test_what_is_chosen_on_the_page_is_consent_with_its_source_and_text() -> None:
    told = Told.of().takes(
        says("a", "unsubscribed"),
        chose("Subscribed", "news", NOON + SECOND, source="double_opt_in", text="v3"),
    )
    assert told.state.consent["news"] == Consent(
        state="subscribed", at=NOON + SECOND, source="double_opt_in", text="v3"
    )
    assert "subscribers" in told.state.segments
    told.takes(chose("Unsubscribed", "news", NOON + 2 * SECOND))
    assert told.state.consent["news"].source == "preferences"


@pytest.mark.parametrize("first", [True, False])
def test_no_to_all_marketing_holds_for_topics_that_are_heard_of_later(first: bool) -> None:
    no, old = chose("Unsubscribed", "", NOON + DAY), says("a", "subscribed")
    told = Told.of().takes(*((no, old) if first else (old, no)))
    assert {t: c.state for t, c in told.state.consent.items()} == {
        "news": "unsubscribed",
        "*": "unsubscribed",
    }
    told.takes(chose("Subscribed", "news", NOON + 2 * DAY))
    assert told.state.consent["news"].state == "subscribed"
    assert told.state.consent["*"].state == "unsubscribed"


def test_what_the_contact_chose_are_traits_and_nothing_else_is_set_that_way() -> None:
    chosen = {"locale": "de", "email_frequency": "less", "email": "x@example.com", "country": "EE"}
    told = Told.of().takes(
        Event(message_id="a", kind="identify", at=NOON, received_at=NOON, traits={"locale": "en"}),
        chose("PreferencesChanged", at=NOON + SECOND, traits=chosen),
    )
    [*_, event] = [e for e in told.effects if isinstance(e, ContactEvent)]
    assert (event.profile.locale, event.profile.email) == ("de", "")
    assert event.profile.traits["email_frequency"] == "less"
    assert "country" not in event.profile.traits


@pytest.mark.parametrize("first", [True, False])
def test_what_the_contact_chose_holds_whatever_is_stated_until_it_chooses_again(
    first: bool,
) -> None:
    stated = Event(
        message_id="a",
        kind="identify",
        at=NOON + DAY,
        received_at=NOON + DAY,
        traits={"locale": "en", "email_frequency": "normal", "city": "Tartu"},
        context={"locale": "en-GB"},
    )
    chosen = {"locale": "de", "email_frequency": "less"}
    choice = chose("PreferencesChanged", at=NOON, traits=chosen)
    told = Told.of().takes(*((choice, stated) if first else (stated, choice)))
    [*_, profile] = [e.profile for e in told.effects if isinstance(e, ContactEvent)]
    assert profile.locale == "de"
    assert {n: profile.traits[n] for n in ("locale", "email_frequency", "city")} == {
        **chosen,
        "city": "Tartu",
    }
    again = chose("PreferencesChanged", at=NOON + DAY, traits={"email_frequency": "normal"})
    told.takes(again)
    assert told.state.given["email_frequency"].value == "normal"
    assert decode(encode(told.state)) == told.state


def addresses_given(*said: str) -> Told:
    """One identify a second."""
    events = [
        Event(
            message_id=f"m{n}",
            kind="identify",
            at=NOON + n * SECOND,
            received_at=NOON + n * SECOND,
            traits={"email": text},
        )
        for n, text in enumerate(said)
    ]
    return Told.of().takes(*events)


ODD = pytest.mark.parametrize("text", ["Carl <carl@example.com>", "not-an-email", "a@@b.ee"])


@ODD
def test_what_is_no_plain_address_is_none_for_whoever_mails(text: str) -> None:
    told = addresses_given(text)
    [*_, profile] = [e.profile for e in told.effects if isinstance(e, ContactEvent)]
    assert (profile.email, profile.traits["email"]) == ("", text)


@ODD
def test_nor_does_it_take_away_one_that_is_known(text: str) -> None:
    told = addresses_given("carl@example.com", text)
    changes = [e.email for e in told.effects if isinstance(e, ContactChanged)]
    profiles = [e.profile for e in told.effects if isinstance(e, ContactEvent)]
    assert changes == ["carl@example.com"]
    assert {p.traits["email"] for p in profiles} == {"carl@example.com"}


def test_a_shop_takes_an_address_away_by_an_empty_one() -> None:
    told = addresses_given("carl@example.com", "")
    changes = [e.email for e in told.effects if isinstance(e, ContactChanged)]
    assert changes == ["carl@example.com", ""]


def test_who_subscribes_again_is_subscribed_whichever_word_comes_first() -> None:
    words = [says("a", "unsubscribed"), says("b", "subscribed", NOON + SECOND)]
    for order_of_words in (words, words[::-1]):
        assert Told.of().takes(*order_of_words).state.consent["news"].state == "subscribed"


@pytest.mark.parametrize("stands", ["subscribed", "unsubscribed"])
@pytest.mark.parametrize("later", [True, False])
def test_an_unconfirmed_sign_up_changes_nothing_that_was_said(stands: str, later: bool) -> None:
    words = [says("a", stands), says("b", "pending", NOON + SECOND)]
    told = Told.of().takes(*(words if later else words[::-1]))
    assert told.state.consent["news"].state == stands
    told.takes(chose("Subscribed", "news", NOON + DAY, source="double_opt_in", text="v3"))
    assert told.state.consent["news"].state == "subscribed"


def test_a_clock_that_runs_ahead_cannot_outlast_a_later_word() -> None:
    ahead = Event(
        message_id="a",
        kind="identify",
        at=NOON + 300 * DAY,
        received_at=NOON,
        traits={"city": "Oslo", "consent": {"news": {"state": "subscribed"}}},
    )
    later = Event(
        message_id="b",
        kind="identify",
        at=NOON + DAY,
        received_at=NOON + DAY,
        traits={"city": "Tartu", "consent": {"news": {"state": "unsubscribed"}}},
    )
    told = Told.of().takes(ahead, later)
    assert told.state.given["city"].value == "Tartu"
    assert told.state.consent["news"].state == "unsubscribed"


def test_a_new_segment_is_back_fill_while_what_others_had_due_is_not() -> None:
    told = Told.of(definitions=of([AT_RISK])).takes(order("m1", NOON))
    told.definitions = of([AT_RISK, segment("buyers", {"event": "Order Completed"}, 9)])
    told.state = relearned(told.state, past([order("m1", NOON)]), told.definitions)
    told.waits(NOON + 10 * DAY)
    assert [(c.segment, c.backfill) for c in told.changes()] == [
        ("buyers", True),
        ("at-risk", False),
    ]


def test_an_archived_segment_is_left_and_one_that_is_not_known_is_kept() -> None:
    told = Told.of(definitions=of([AT_RISK, segment("buyers", {"event": "Order Completed"}, 2)]))
    told.takes(order("m1", NOON)).waits(NOON + 10 * DAY)
    told.definitions = of([replace(AT_RISK, status="archived", revision=3)])
    told.state = relearned(told.state, past([order("m1", NOON)]), told.definitions)
    told.waits(NOON + 11 * DAY)
    assert set(told.state.segments) == {"buyers"}
    assert [(c.change, c.backfill) for c in told.changes()][-1] == ("left", True)


def test_a_redirect_forwards_and_chains_forward_further() -> None:
    state = ContactState(workspace="default", contact="c", merged_into="w", clock=NOON)
    event = IdentifiedEvent(workspace="default", contact="c", event=order("m1", NOON))
    packed = ProfileHandedOver(workspace="default", contact="c", loser="b", at=NOON, state={})
    _, effects = transition(state, event, ALL, NOON)
    assert effects == [Forward("w", replace(event, contact="w", by_merge=True))]
    _, effects = transition(state, packed, ALL, NOON)
    assert effects == [Forward("w", replace(packed, contact="w"))]
    further = ContactsMerged(workspace="default", loser="c", winner="z", at=NOON)
    _, effects = transition(state, further, ALL, NOON)
    assert effects == [Forward("w", replace(further, loser="w"))]
