"""The rule of identity: who becomes one contact, and who never does."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmenter.domain.given import STRENGTH, Given
from tests.unit.segmenter.people import (
    SHOP,
    Rows,
    alias,
    anything,
    device,
    email,
    event,
    one_person,
    user,
)


def _rows(*batches: list[Given]) -> Rows:
    rows = Rows()
    for batch in batches:
        rows.take(batch)
    return rows


def test_a_visitor_who_logs_in_is_one_contact_with_what_was_done_before() -> None:
    rows = _rows([event(device(1))], [event(user(1), device(1))], [event(device(1))])
    assert rows.went_to == [device(1).id, user(1).id, user(1).id]
    assert [(m.loser, m.winner, m.visible) for m in rows.merges] == [
        (device(1).id, user(1).id, True)
    ]


def test_a_visitor_who_logs_in_within_one_batch_is_merged_visibly() -> None:
    rows = _rows([event(device(1)), event(user(1), device(1))])
    assert [m.visible for m in rows.merges] == [True]


def test_identities_first_seen_together_need_no_merge_that_others_hear_of() -> None:
    rows = _rows([event(user(1), email(1), device(1))])
    assert set(rows.contact.values()) == {user(1).id}
    assert not any(m.visible for m in rows.merges)


def test_a_newsletter_form_on_a_known_users_device_belongs_to_the_user() -> None:
    rows = _rows([event(user(1), device(1)), event(email(1), device(1)), event(email(1))])
    assert rows.went_to == [user(1).id] * 3


def test_a_chain_of_merges_in_one_batch_ends_at_the_user() -> None:
    rows = _rows([event(device(1)), event(email(1), device(1)), event(user(1), email(1))])
    assert set(rows.contact.values()) == {user(1).id}
    assert [(m.loser, m.winner) for m in rows.merges] == [
        (device(1).id, email(1).id),
        (email(1).id, user(1).id),
    ]


def test_two_users_of_a_shared_device_stay_two() -> None:
    rows = _rows(
        [event(user(1), device(1))],
        [event(user(2), device(1)), event(user(1)), event(user(2)), event(device(1))],
    )
    assert rows.went_to == [user(n).id for n in (1, 2, 1, 2, 1)]


def test_two_users_with_a_shared_mail_address_stay_two() -> None:
    rows = _rows([event(user(1), email(1)), event(user(2), email(1)), event(email(1))])
    assert rows.went_to == [user(n).id for n in (1, 2, 1)]


def test_two_addresses_on_a_shared_device_stay_two() -> None:
    rows = _rows([event(email(1), device(1)), event(email(2), device(1)), event(email(2))])
    assert rows.went_to == [email(n).id for n in (1, 2, 2)]


def test_an_alias_call_makes_two_users_one() -> None:
    rows = _rows([event(user(1)), event(user(2))], [alias(user(2), user(1))], [event(user(1))])
    assert len({rows.contact[user(1)], rows.contact[user(2)]}) == 1
    assert rows.went_to[-1] == rows.went_to[-2]


def test_an_alias_call_does_not_hand_a_strangers_device_over() -> None:
    """The previousId is the id of a device that belongs to another user already."""
    rows = _rows([event(user(1), device(9))], [Given((user(2),), (device(9),))])
    assert rows.went_to == [user(1).id, user(2).id]


@settings(max_examples=100)
@given(st.data())
def test_one_persons_contact_is_the_same_in_whatever_order_and_batches(data: st.DataObject) -> None:
    calls = data.draw(one_person(1)) + data.draw(one_person(2))
    other = data.draw(st.permutations(calls))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(calls)), max_size=4)))
    batches = [other[a:b] for a, b in zip([0, *cuts], [*cuts, len(calls)], strict=True)]
    rows, again = _rows(calls), _rows(*batches)
    assert rows.contact == again.contact
    strongest: dict[str, int] = {}
    for identity, contact in rows.contact.items():
        strongest[contact] = max(strongest.get(contact, 0), STRENGTH[identity.kind])
    named_after = {identity.id: STRENGTH[identity.kind] for identity in rows.contact}
    assert all(named_after[contact] == rank for contact, rank in strongest.items())


@settings(max_examples=100)
@given(anything())
def test_two_users_are_never_one_contact_without_an_alias_call(calls: list[Given]) -> None:
    rows = _rows(calls[: len(calls) // 2], calls[len(calls) // 2 :])
    joined = {i: {i} for i in rows.contact if i.kind == "user"}
    for call in calls:
        same = [i for i in (*call.identities, *call.before) if i.kind == "user"]
        if call.before:
            group = set().union(*(joined[i] for i in same))
            for i in group:
                joined[i] = group
    for one, two in combinations(joined, 2):
        assert (rows.contact[one] == rows.contact[two]) == (two in joined[one])


@settings(max_examples=100)
@given(anything())
def test_every_identity_points_to_a_contact_and_every_event_goes_to_one(calls: list[Given]) -> None:
    rows = Rows()
    heard: set[str] = set()
    for call in calls:
        rows.take([call])
        contacts = {i.id for i, c in rows.contact.items() if i.id == c}
        assert set(rows.contact.values()) <= contacts
        assert rows.went_to[-1] in contacts
        assert rows.went_to[-1] in {rows.contact[i] for i in (*call.identities, *call.before)}
        heard.add(rows.went_to[-1])
    visible = {m.loser for m in rows.merges if m.visible}
    assert heard - {m.loser for m in rows.merges} <= set(rows.contact.values())
    assert heard & {m.loser for m in rows.merges} <= visible  # whoever heard of it is told


def test_shops_have_nobody_in_common() -> None:
    assert user(1).id != user(1)._replace(workspace="other").id
    assert user(1).workspace == SHOP
