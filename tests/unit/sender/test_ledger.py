"""The ledger's promises, for every state and every input."""

from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.ledger import NO_NEWS, PROOF, RESENDS, transition
from services.sender.domain.message import (
    Accepted,
    Claimed,
    GraceOver,
    HandedBack,
    Input,
    LeaseExpired,
    Lost,
    Refused,
    Row,
    SendingStarted,
    Settled,
    Skipped,
    Status,
    Unheard,
)
from shared.contracts import DeliveryEvent
from tests.unit.sender.messages import (
    MINUTE,
    NOON,
    a_send,
    an_event,
    events,
    inputs,
    rows,
    times,
    withdrawal,
)

CLAIM = Claimed("claim-1", NOON + MINUTE, "a@example.com")
START = SendingStarted("claim-1", NOON, NOON + MINUTE)


def go_on(row: Row | None, *given_inputs: Input, now: datetime = NOON) -> Row:
    for one in given_inputs:
        row = transition(row, one, now).row
    assert row is not None
    return row


def follow(*given_inputs: Input, now: datetime = NOON) -> Row:
    return go_on(None, *given_inputs, now=now)


@given(st.none() | rows, inputs, times)
def test_every_input_has_an_answer_in_every_state(
    row: Row | None, one: Input, now: datetime
) -> None:
    after = transition(row, one, now).row
    assert row is None or (after is not None and after.key == row.key)


@given(rows, inputs, times)
def test_nothing_leaves_sent(row: Row, one: Input, now: datetime) -> None:
    sent = msgspec.structs.replace(row, status=Status.SENT)
    step = transition(sent, one, now)
    assert step.row is not None
    assert step.row.status == Status.SENT
    assert step.announce is None


@given(st.none() | rows, inputs, times)
def test_only_what_was_being_sent_becomes_ambiguous(
    row: Row | None, one: Input, now: datetime
) -> None:
    after = transition(row, one, now).row
    if after is not None and after.status == Status.AMBIGUOUS:
        assert row is not None
        assert row.status in (Status.SENDING, Status.AMBIGUOUS)


@given(rows, inputs, times)
def test_only_a_claim_that_holds_starts_sending(row: Row, one: Input, now: datetime) -> None:
    after = transition(row, one, now).row
    assert after is not None
    if after.status == Status.SENDING and row.status != Status.SENDING:
        assert row.status == Status.CLAIMED
        assert isinstance(one, SendingStarted)
        assert one.by == row.claimed_by


@given(rows, events, times)
def test_a_notification_proves_that_it_was_sent_in_any_state(
    row: Row, event: DeliveryEvent, now: datetime
) -> None:
    after = transition(row, event, now).row
    assert after is not None
    if event.event in PROOF and event.source != "import":
        assert after.status == Status.SENT


@given(events, times)
def test_a_message_that_is_unknown_but_was_sent_is_never_sent_again(
    event: DeliveryEvent, now: datetime
) -> None:
    row = transition(None, event, now).row
    if event.event in PROOF and event.source != "import":
        assert row is not None
        assert transition(row, a_send(), now).row == row
        assert row.status == Status.SENT


@given(st.none() | rows, st.sampled_from(sorted(NO_NEWS)), times)
def test_what_somebody_chose_says_nothing_of_a_mail(
    row: Row | None, event: str, now: datetime
) -> None:
    step = transition(row, an_event(event, source="double_opt_in"), now)
    assert (step.row, step.announce) == (row, None)


@given(rows, inputs, times)
def test_the_same_again_changes_and_tells_nothing_more(row: Row, one: Input, now: datetime) -> None:
    once = transition(row, one, now)
    twice = transition(once.row, one, now)
    if not isinstance(one, LeaseExpired | GraceOver):  # a second look may find the next thing
        assert twice.row == once.row
    assert once.announce is None or twice.announce is None


@given(st.lists(inputs, max_size=30), times)
def test_the_others_are_told_of_an_end_once(many: list[Input], now: datetime) -> None:
    row, told = None, []
    for one in many:
        step = transition(row, one, now)
        row = step.row
        if step.announce is not None:
            told.append(step.announce.event)
    assert told.count("Sent") <= 1
    assert told.count("Skipped") <= 1
    assert told.count("Failed") <= 1


@given(st.lists(inputs, max_size=40), times)
def test_marketing_goes_out_twice_only_if_somebody_said_that_it_did_not(
    many: list[Input], now: datetime
) -> None:
    """Each SendingStarted may be a mail unless SES refused it, or its feed does not know it."""
    row, written = None, 0
    for one in many:
        if isinstance(one, Settled):
            continue  # a person's word
        before = row
        row = transition(row, one, now).row
        started = before is not None and before.status == Status.CLAIMED
        if started and row is not None and row.status == Status.SENDING:
            written += 1
        if isinstance(one, Refused) and before is not None and before.status == Status.SENDING:
            written -= row is not None and row.status != Status.SENDING
        if isinstance(one, Unheard) and before is not None and before.status == Status.AMBIGUOUS:
            written -= row is not None and row.status != Status.AMBIGUOUS
        if row is not None and row.transactional:
            return
    assert written <= 1


def test_the_way_of_a_mail() -> None:
    row = follow(a_send(), CLAIM, START, Accepted("claim-1", "p-1"))
    assert (row.status, row.address, row.provider_id, row.sent_at) == (
        "sent",
        "a@example.com",
        "p-1",
        NOON,
    )


def test_a_withdrawal_that_comes_first_makes_the_row() -> None:
    assert follow(withdrawal, a_send()).status == "withdrawn"


@pytest.mark.parametrize("before", [[a_send()], [a_send(), CLAIM]])
def test_a_withdrawal_in_time_stops_it(before: list[Input]) -> None:
    row = follow(*before, withdrawal, START)
    assert (row.status, row.reason) == ("withdrawn", "converted")


@pytest.mark.parametrize(
    "unsent", [Refused("claim-1", "Throttling", not_before=NOON), Settled(sent=False)]
)
def test_a_withdrawal_while_it_is_being_sent_counts_if_it_was_not(unsent: Input) -> None:
    lost = [Lost("claim-1")] if isinstance(unsent, Settled) else []
    row = follow(a_send(), CLAIM, START, withdrawal, *lost, unsent)
    assert (row.status, row.reason) == ("withdrawn", "converted")


def test_a_lease_that_ends_frees_what_was_claimed() -> None:
    row = follow(a_send(), CLAIM, LeaseExpired(NOON + MINUTE))
    assert (row.status, row.claimed_by) == ("queued", "")


def test_a_lease_that_still_runs_frees_nothing() -> None:
    assert follow(a_send(), CLAIM, LeaseExpired(NOON)).status == "claimed"


def test_who_was_stopped_and_comes_back_does_not_send() -> None:
    other = Claimed("claim-2", NOON + 3 * MINUTE, "a@example.com")
    row = follow(a_send(), CLAIM, LeaseExpired(NOON + MINUTE), other, START)
    assert (row.status, row.claimed_by) == ("claimed", "claim-2")


def test_a_late_refusal_does_not_free_an_ambiguous_message() -> None:
    late = LeaseExpired(NOON + MINUTE)
    assert follow(a_send(), CLAIM, START, late, Refused("claim-1", "x")).status == "ambiguous"


def test_a_late_acceptance_settles_it() -> None:
    late = LeaseExpired(NOON + MINUTE)
    assert follow(a_send(), CLAIM, START, late, Accepted("claim-1", "p-1")).status == "sent"


def test_after_the_grace_marketing_is_held() -> None:
    row = follow(a_send(), CLAIM, START, Lost("claim-1"), GraceOver())
    assert (row.status, row.held) == ("ambiguous", True)
    assert follow(a_send(), CLAIM, START, Lost("claim-1"), GraceOver(), GraceOver()) == row


def test_after_the_grace_a_transactional_mail_is_tried_again_three_times() -> None:
    row = follow(a_send(transactional=True))
    for _ in range(4):
        assert not row.held
        row = go_on(row, CLAIM, START, Lost("claim-1"), GraceOver())
    assert (row.status, row.held, row.attempts) == ("ambiguous", True, 4)


def test_a_held_mail_that_the_feed_does_not_know_goes_again() -> None:
    held = follow(a_send(), CLAIM, START, Lost("claim-1"), GraceOver())
    assert (go_on(held, Unheard()).status, go_on(held, Unheard()).held) == ("queued", False)
    assert go_on(held, withdrawal, Unheard()).status == "withdrawn"


def test_a_mail_whose_answer_is_lost_each_time_is_for_a_person() -> None:
    row = follow(a_send())
    for _ in range(RESENDS + 1):
        assert not row.held
        row = go_on(row, CLAIM, START, Lost("claim-1"), Unheard())
    assert (row.status, row.held) == ("ambiguous", True)


@given(rows, times)
def test_silence_says_nothing_of_a_mail_that_is_not_ambiguous(row: Row, now: datetime) -> None:
    step = transition(row, Unheard(), now)
    assert step.announce is None
    assert row.status == Status.AMBIGUOUS or step.row == row


def test_it_is_noted_that_ses_itself_told_of_a_mail() -> None:
    sent = follow(a_send(), CLAIM, START, Accepted("claim-1", "p-1"))
    assert not go_on(sent, an_event("Sent", source="sender"), an_event("Delivered")).told
    assert go_on(sent, an_event("Sent")).told
    assert go_on(follow(a_send(), CLAIM, START, Lost("claim-1")), an_event("Sent")).told


REFUSED = Refused("claim-1", "TooManyRequestsException", not_before=NOON)
OUTCOMES = {
    "throttled": (CLAIM, START, REFUSED),
    "handed back": (CLAIM, HandedBack("claim-1")),
    "lost": (CLAIM, START, Lost("claim-1"), GraceOver()),
    "killed": (CLAIM, START, LeaseExpired(NOON + MINUTE), GraceOver()),
}


@given(st.lists(st.sampled_from(list(OUTCOMES)), max_size=20))
def test_a_receipt_is_held_for_what_may_have_gone_not_for_what_was_refused(
    outcomes: list[str],
) -> None:
    row, may_have_gone = follow(a_send(transactional=True)), 0
    for outcome in outcomes:
        row = go_on(row, *OUTCOMES[outcome])
        may_have_gone += outcome in ("lost", "killed")
        assert row.held == (may_have_gone > RESENDS)
        if row.held:
            return


def test_a_receipt_that_was_throttled_four_times_goes_again_when_its_answer_is_lost() -> None:
    row = go_on(follow(a_send(transactional=True)), *OUTCOMES["throttled"] * 4, *OUTCOMES["lost"])
    assert (row.status, row.held, row.attempts, row.ambiguities) == ("queued", False, 5, 1)


def test_a_held_message_is_settled_by_its_notification_and_the_others_are_told() -> None:
    row = follow(a_send(), CLAIM, START, Lost("claim-1"), GraceOver())
    step = transition(row, an_event("Delivered"), NOON)
    assert step.row is not None
    assert step.row.status == "sent"
    assert step.announce is not None
    assert transition(row, an_event("Sent"), NOON).announce is None  # SES has said it itself


def test_what_a_replay_asks_for_is_not_sent() -> None:
    assert follow(a_send(origin="replay")).status == "skipped"


def test_a_skip_is_told_with_its_reason() -> None:
    step = transition(follow(a_send()), Skipped("no_consent"), NOON)
    assert step.announce is not None
    told = step.announce.about(follow(a_send()))
    assert (told.event, told.reason, told.journey) == ("Skipped", "no_consent", "abandoned-cart")


@pytest.mark.parametrize(
    ("given_inputs", "event"),
    [
        ([Skipped("template_error", "claim-1", "no template")], "Skipped"),
        ([START, Refused("claim-1", "BadRequest", never=True, detail="no template")], "Failed"),
    ],
)
def test_what_is_behind_an_end_is_told_with_it(given_inputs: list[Input], event: str) -> None:
    row = follow(a_send(), CLAIM, *given_inputs[:-1])
    step = transition(row, given_inputs[-1], NOON)
    assert step.announce is not None
    told = step.announce.about(row)
    assert (told.event, told.detail) == (event, "no template")


def test_handed_back_it_is_anybodys() -> None:
    assert follow(a_send(), CLAIM, HandedBack("claim-1")).status == "queued"
