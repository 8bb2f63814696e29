"""A mail's row only moves forward."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.metrics.domain.message import MAX_COUNTED, Message, transition, united
from services.metrics.domain.tally import of_message
from tests.unit.metrics.facts import after, mail

EMPTY = Message(workspace="default", message="m", contact="a")
kinds = st.sampled_from(
    [
        *("Sent", "Skipped", "Failed", "Delivered", "Opened", "Clicked", "Bounced", "Complained"),
        *("Delayed", "Rejected", "Unsubscribed", "Subscribed", "PreferencesChanged"),
    ]
)
events = st.builds(
    lambda kind, at, by, bounce: mail("a", "r", kind, at, by=by, bounce=bounce),
    kinds,
    st.integers(0, 50),
    st.sampled_from([None, "human", "machine"]),
    st.sampled_from(["", "hard", "soft", "undetermined"]),
)
rows = st.lists(events, max_size=8).map(lambda told: row(*told))


def row(*told: Any) -> Message:
    known = EMPTY
    for event in told:
        known = transition(known, event.delivery, event.verdict)
    return known


def counts(known: Message) -> set[tuple[str, str]]:
    return {(label.name, label.detail) for label, _, _ in of_message(known)}


@given(rows, rows, rows)
def test_knowing_more_is_a_join(a: Message, b: Message, c: Message) -> None:
    assert united(a, b) == united(b, a)
    assert united(united(a, b), c) == united(a, united(b, c))
    assert united(a, a) == a


@given(st.lists(events, max_size=8), events)
def test_nothing_that_is_known_is_forgotten(told: list[Any], one: Any) -> None:
    before, now = row(*told), row(*told, one)
    skipped = {("skipped", before.skipped_reason), ("skipped", now.skipped_reason)}
    assert counts(before) - skipped <= counts(now) - skipped
    for name in ("sent_at", "delivered_at", "opened_human_at", "clicked_at"):
        if (known := getattr(before, name)) is not None:
            assert getattr(now, name) <= known


def test_a_late_delivery_after_a_soft_bounce_is_both() -> None:
    known = row(mail("a", "r", "Bounced", 1, bounce="soft"), mail("a", "r", "Delivered", 9))
    assert counts(known) == {("bounced", "soft"), ("delivered", "")}


def test_a_bounce_of_no_type_is_undetermined() -> None:
    assert counts(row(mail("a", "r", "Bounced"))) == {("bounced", "undetermined")}


def test_the_first_open_counts_and_every_open_is_told_apart() -> None:
    told = [mail("a", "r", "Opened", hours, by="human") for hours in (5, 2, 2, 9)]
    known = row(*told)
    assert known.opened_human_at == after(2)
    assert [value for label, _, value in of_message(known) if label.detail == "total"] == [3]


def test_a_storm_of_opens_stays_bounded() -> None:
    known = row(*(mail("a", "r", "Opened", n, by="machine") for n in range(MAX_COUNTED + 20)))
    assert len(known.opens) == MAX_COUNTED


def test_a_mail_that_was_sent_after_all_was_not_skipped() -> None:
    known = row(mail("a", "r", "Skipped", 1, reason="suppressed"), mail("a", "r", "Sent", 2))
    assert counts(known) == {("sent", "")}


def test_an_unsubscribe_from_another_topic_counts_for_the_mail_it_was_pressed_in() -> None:
    sent = mail("a", "r", "Sent", topic="carts")
    known = row(sent, mail("a", "r", "Unsubscribed", 1, topic="news", source="preferences"))
    assert counts(known) == {("sent", ""), ("unsubscribed", "")}
    assert known.topic == "carts"


def test_what_was_chosen_on_the_page_behind_a_mail_is_no_figure_of_the_mail() -> None:
    chosen = [mail("a", "r", kind, 1) for kind in ("Subscribed", "PreferencesChanged")]
    assert counts(row(mail("a", "r", "Sent"), *chosen)) == {("sent", "")}


def test_an_import_of_old_mails_is_not_a_mail_of_ours() -> None:
    from tests.unit.metrics.store import Store  # noqa: PLC0415  only here

    store = Store()
    store.batch([mail("a", "r", "Sent", origin="import")])
    assert not store.rows.messages


def test_a_mail_counts_in_the_hour_in_which_it_was_sent() -> None:
    known = row(mail("a", "r", "Opened", 30, by="human"), mail("a", "r", "Sent", 2.5))
    assert {at for _, at, _ in of_message(known)} == {after(2.5)}
