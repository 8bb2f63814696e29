"""What a shop says again is no new word: against a fold over all that was ever said."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.segmenter.domain import boxes, consent, merge
from services.segmenter.domain.boxes import MAX_BOXES, holding
from services.segmenter.domain.state import ContactState, decode
from shared.contracts import Consent, ContactChanged, Event, encode
from tests.unit.segmenter.shop import ALL, NOON, SECOND, Told

NAMES = ("shop/a", "shop/b")
STATES = ("subscribed", "unsubscribed", "never_subscribed", "pending")
HOUR = timedelta(hours=1)


class Word(NamedTuple):
    """`box` is empty for what somebody said."""

    state: str
    at: datetime
    box: str

    def event(self, name: str) -> Event:
        said = {"state": self.state, "box": self.box} if self.box else {"state": self.state}
        topics = ["news", *(["*"] if self.state == "unsubscribed" else [])]
        traits = {"consent": dict.fromkeys(topics, said)}
        return Event(
            message_id=name, kind="identify", at=self.at, received_at=self.at, traits=traits
        )


words = st.builds(
    Word, st.sampled_from(STATES), st.integers(0, 40).map(lambda n: NOON + n * HOUR), st.just("")
)
boxed = st.builds(
    Word,
    st.sampled_from(STATES[:2]),
    st.integers(0, 40).map(lambda n: NOON + n * HOUR),
    st.sampled_from(NAMES),
)
told_words = st.lists(st.one_of(words, boxed, boxed), max_size=14)


def said(*heard: Word) -> Told:
    return Told.of().takes(*(word.event(f"m{n}") for n, word in enumerate(heard)))


def as_plain(state: ContactState) -> dict[str, tuple[str, datetime]]:
    found = holding(state).items()
    return {t: (c.state, c.at) for t, c in found if c.state != "pending" or t != "*"}


def oracle(heard: list[Word]) -> dict[str, tuple[str, datetime]]:
    """Every box's words that differ from what it said before, as words of people; no bounds."""
    heard = sorted(heard, key=lambda w: (w.at, w.state == "unsubscribed"))
    known: dict[str, Consent] = {}
    last: dict[str, str] = {}
    for word in heard:
        before = last.get(word.box, "")
        again = word.box and word.state != "pending" and word.state == before
        first_yes = word.box and not before and word.state == "subscribed"
        if word.box and word.state != "pending":
            last[word.box] = word.state
        if not again and not first_yes:
            plain = word._replace(box="").event("x").traits
            known = consent.united(known, consent.read(plain, word.at)[0])
    return {t: (c.state, c.at) for t, c in known.items()}


@settings(max_examples=200)
@given(told_words)
def test_what_holds_is_what_a_fold_over_all_that_changed_says(heard: list[Word]) -> None:
    heard.sort(key=lambda word: word.at)
    assert as_plain(said(*heard).state) == oracle(heard)


@settings(max_examples=100)
@given(told_words, st.randoms(use_true_random=False))
def test_in_whatever_order_the_words_of_people_and_of_boxes_come(
    heard: list[Word], random: Any
) -> None:
    """Each box's own words in their order: they come by one partition."""
    heard.sort(key=lambda word: word.at)
    doors = [[w for w in heard if w.box == name] for name in ("", *NAMES)]
    mixed: list[Word] = []
    while any(doors):
        mixed.append(random.choice([door for door in doors if door]).pop(0))
    assert as_plain(said(*mixed).state) == as_plain(said(*heard).state)


@settings(max_examples=100)
@given(told_words, st.integers(0, 14))
def test_two_contacts_who_become_one_have_what_both_boxes_said(heard: list[Word], at: int) -> None:
    heard.sort(key=lambda word: word.at)
    loser, winner = said(*heard[:at]).state, said(*heard[at:]).state
    packed = decode(encode(loser))
    assert as_plain(merge.united(winner, packed, ALL)) == as_plain(said(*heard).state)
    assert as_plain(merge.united(packed, winner, ALL)) == as_plain(said(*heard).state)


def test_late_words_of_one_box_are_put_in_their_place() -> None:
    no, again = Word("unsubscribed", NOON, NAMES[0]), Word("unsubscribed", NOON + HOUR, NAMES[0])
    own = Word("subscribed", NOON + HOUR / 2, "")
    for heard in ((no, again, own), (again, no, own), (own, again, no)):
        assert holding(said(*heard).state)["news"].state == "subscribed"


def test_of_two_words_of_a_box_at_one_instant_the_stricter_is_the_later() -> None:
    yes, no = (Word(state, NOON, NAMES[0]) for state in STATES[:2])
    for heard in ((yes, no), (no, yes)):
        assert holding(said(*heard).state)["news"].state == "unsubscribed"


def test_a_box_that_says_the_same_for_years_is_not_remembered_word_by_word() -> None:
    flips = [Word(STATES[n % 2], NOON + n * HOUR, NAMES[0]) for n in range(50)]
    same = [Word("unsubscribed", NOON + n * HOUR, NAMES[0]) for n in range(50, 90)]
    told = said(*flips, *same)
    assert len(told.state.boxes[NAMES[0]]["news"]) <= 8
    assert holding(told.state)["news"].at == NOON + 49 * HOUR
    changes = [e for e in told.effects if isinstance(e, ContactChanged)]
    assert len(changes) == 49  # the first yes is none


def test_a_no_stays_when_its_box_is_forgotten_for_newer_ones() -> None:
    no = Word("unsubscribed", NOON, "old")
    many = [Word("never_subscribed", NOON - HOUR, f"box-{n:02}") for n in range(MAX_BOXES)]
    told = said(no, *[word._replace(at=NOON + HOUR) for word in many])
    assert set(told.state.boxes) == {f"box-{n:02}" for n in range(MAX_BOXES)}
    assert holding(told.state)["*"] == Consent(state="unsubscribed", at=NOON)


def test_what_a_claim_brings_of_a_box_is_a_refusal_at_most() -> None:
    no, yes = (Word(s, NOON, n) for s, n in (("unsubscribed", "a"), ("subscribed", "b")))
    later = yes._replace(state="never_subscribed", at=NOON - HOUR)
    state = merge.handed_over(said(no, later, yes).state, claimed=True)
    assert (state.boxes, set(holding(state))) == ({}, {"news", "*"})
    assert {c.state for c in holding(state).values()} == {"unsubscribed"}


def test_since_is_never_later_than_the_call_and_nonsense_is_none() -> None:
    for since, expected in (
        ("2020-01-01T00:00:00Z", {"news": datetime.fromisoformat("2020-01-01T00:00:00Z")}),
        ("2100-01-01T00:00:00Z", {"news": NOON}),
        ("2020-01-01T00:00:00", {}),
        (7, {}),
        (None, {}),
    ):
        traits = {"consent": {"news": {"state": "subscribed", "box": "b", "since": since}}}
        found, wrong = consent.read(traits, NOON)
        assert ({t: c.at for t, c in found.items()}, wrong) == (expected, [])
        assert set(boxes.read(traits, NOON + SECOND)) == {"b"}


@given(st.dictionaries(st.text(max_size=2), st.one_of(st.none(), st.integers(), st.just({}))))
def test_whatever_stands_there_is_read_or_not(consents: dict[str, Any]) -> None:
    for traits in ({"consent": consents}, {"consent": 7}, {}):
        assert boxes.read(traits, NOON) == {}
    assert holding(replace(Told.of().state, consent={})) == {}
