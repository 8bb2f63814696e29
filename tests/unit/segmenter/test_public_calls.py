"""What a browser key's calls can do to people: anybody who looks at a page can send them."""

from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmenter.domain.given import Given
from services.segmenter.identity_stage import understood
from tests.unit.segmenter.claims import Shop, call, calls
from tests.unit.segmenter.people import Rows, device, email, event, one_person, user

ANN, EVE = "ann@x.example", "eve@x.example"
Calls = list[dict[str, Any]]


def _ann_is_user_7() -> Shop:
    shop = Shop()
    shop.hears({"type": "identify", "userId": "u7", "traits": {"email": ANN}})
    return shop


def _email_of_7(shop: Shop) -> str:
    return shop.emails()[user(7)._replace(value="u7").id]


def test_a_public_call_does_not_give_a_user_an_address() -> None:
    for place in ({"traits": {"email": EVE}}, {"context": {"traits": {"email": EVE}}}):
        shop = _ann_is_user_7()
        shop.hears({"type": "identify", "userId": "u7", **place}, public=True)
        assert _email_of_7(shop) == ANN
    shop.hears(
        {"type": "track", "event": "X", "userId": "u7", "properties": {"email": EVE}}, public=True
    )
    assert _email_of_7(shop) == ANN


def test_an_address_beside_a_userid_is_none_of_a_public_calls_identities() -> None:
    said = {"type": "identify", "userId": "u7", "anonymousId": "d", "traits": {"email": EVE}}
    public, own = (understood(call(1, said, public=p)).given for p in (True, False))
    assert [i.kind for i in public.identities] == ["user", "anonymous"]
    assert [i.kind for i in own.identities] == ["user", "email", "anonymous"]
    broken = understood(call(1, {**said, "userId": "null"}, public=True)).given
    assert [i.kind for i in broken.identities] == ["email", "anonymous"]


def test_nor_by_way_of_a_device_in_whatever_order() -> None:
    claim: dict[str, Any] = {"type": "identify", "userId": "u7", "anonymousId": "d"}
    name: dict[str, Any] = {"type": "identify", "anonymousId": "d", "traits": {"email": EVE}}
    for way in ([claim, name], [name, claim], [name, claim, name, claim]):
        for shop in (_ann_is_user_7(), Shop()):
            shop.hears({"type": "identify", "userId": "u7"})
            known = _email_of_7(shop)
            for said in way:
                shop.hears(said, public=True)
            assert _email_of_7(shop) == known


def test_nor_by_an_alias_call() -> None:
    shop = _ann_is_user_7()
    shop.hears({"type": "identify", "traits": {"email": EVE}, "anonymousId": "d"}, public=True)
    for before in ("d", EVE, "u8"):
        shop.hears({"type": "alias", "userId": "u7", "previousId": before}, public=True)
    assert _email_of_7(shop) == ANN


def test_an_odd_address_of_a_public_call_does_not_hide_the_good_one() -> None:
    shop = Shop()
    shop.hears({"type": "identify", "anonymousId": "d", "traits": {"email": ANN}})
    shop.hears({"type": "identify", "anonymousId": "d", "traits": {"email": "none"}}, public=True)
    assert set(shop.emails().values()) == {ANN}


def test_a_visitor_who_leaves_an_address_on_a_page_is_known_by_it() -> None:
    shop = Shop()
    shop.hears({"type": "page", "anonymousId": "d"}, public=True)
    shop.hears({"type": "identify", "anonymousId": "d", "traits": {"email": ANN}}, public=True)
    assert list(shop.emails().values()) == [ANN]


def test_a_visitor_who_logs_in_on_a_page_is_the_user_with_all_that_was_done_before() -> None:
    shop = _ann_is_user_7()
    shop.hears({"type": "page", "anonymousId": "d"}, public=True)
    shop.hears({"type": "identify", "userId": "u7", "anonymousId": "d"}, public=True)
    assert list(shop.emails().values()) == [ANN]


def test_an_address_that_the_shop_gave_a_user_leads_a_pages_device_there() -> None:
    shop = _ann_is_user_7()
    shop.hears({"type": "page", "anonymousId": "d"}, public=True)
    shop.hears({"type": "identify", "anonymousId": "d", "traits": {"email": ANN}}, public=True)
    assert list(shop.emails().values()) == [ANN]


def test_the_shops_own_word_joins_what_a_page_could_not() -> None:
    shop = Shop()
    shop.hears({"type": "identify", "anonymousId": "d", "traits": {"email": ANN}}, public=True)
    shop.hears({"type": "identify", "userId": "u7", "anonymousId": "d"}, public=True)
    assert len(shop.emails()) == 2
    shop.hears({"type": "identify", "userId": "u7", "traits": {"email": ANN}})
    assert list(shop.emails().values()) == [ANN]


@settings(max_examples=150)
@given(st.lists(calls(), max_size=8), st.lists(calls(), max_size=8))
def test_no_public_call_changes_an_address_or_a_user_that_the_shop_knows(
    secret: Calls, public: Calls
) -> None:
    shop = Shop()
    for said in secret:
        shop.hears(said)
    known, users = shop.emails(), _users(shop)
    for said in public:
        shop.hears(said, public=True)
    after = shop.emails()
    for contact, address in known.items():
        if address or contact in users.values():
            assert after[contact].casefold() == address.casefold()
    assert {u: c for u, c in _users(shop).items() if u in users} == users


@settings(max_examples=100)
@given(st.lists(st.tuples(calls(), st.booleans()), max_size=12))
def test_public_calls_bring_no_user_an_address_and_no_two_together(
    said: list[tuple[dict[str, Any], bool]],
) -> None:
    """Whenever the shop's own calls come: what they join is all that is joined."""
    both, own = Shop(), Shop()
    for one, public in said:
        both.hears(one, public=public)
        if not public:
            own.hears(one)
    joined = _users(own)
    for a, b in combinations(joined, 2):
        assert (_users(both)[a] == _users(both)[b]) == (joined[a] == joined[b])


@settings(max_examples=100)
@given(st.data())
def test_once_the_shop_has_named_a_persons_addresses_the_order_of_all_is_the_same(
    data: st.DataObject,
) -> None:
    """Aliases and each address with a user are the shop's word, the rest may be anybody's."""
    said = [_maybe_public(data, each) for each in data.draw(one_person(1))]
    other = data.draw(st.permutations(said))
    rows, again = Rows(), Rows()
    rows.take(said)
    for each in other:
        again.take([each])
    assert rows.contact == again.contact


def _maybe_public(data: st.DataObject, call: Given) -> Given:
    kinds = [i.kind for i in call.identities]
    if call.before or kinds == ["user", "email"] or not data.draw(st.booleans()):
        return call
    named = tuple(i for i in call.identities if kinds[0] != "user" or i.kind != "email")
    return Given(named, public=True)


def test_an_address_and_a_user_of_one_device_stay_two_until_the_shop_says_more() -> None:
    rows = Rows()
    rows.take([Given((email(1), device(1)), public=True), Given((user(1), device(1)), public=True)])
    assert rows.went_to == [email(1).id, user(1).id]
    rows.take([event(user(1), email(1)), event(device(1))])
    assert rows.went_to[-1] == user(1).id


def _users(shop: Shop) -> dict[str, str]:
    return {i.value: c for i, c in shop.rows.contact.items() if i.kind == "user"}


@settings(max_examples=150)
@given(st.lists(st.tuples(calls(), st.booleans()), max_size=12))
def test_whatever_pages_claim_and_when_an_address_is_one_that_the_shop_gave(
    said: list[tuple[dict[str, Any], bool]],
) -> None:
    """No page can have the shop's own later calls carry an address to a user for it."""
    shop = Shop()
    together: list[set[tuple[str, str]]] = []
    for one, public in said:
        if not public:
            heard = understood(call(0, one, public=False)).given
            together.append({(i.kind, i.value) for i in (*heard.identities, *heard.before)})
        shop.hears(one, public=public)
    emails = shop.emails()
    for user_id, contact in _users(shop).items():
        known = _reached({("user", user_id)}, together)
        assert not emails[contact] or ("email", emails[contact].casefold()) in known


def _reached(
    known: set[tuple[str, str]], together: list[set[tuple[str, str]]]
) -> set[tuple[str, str]]:
    """All that the calls connect with it."""
    while True:
        more = known.union(*(each for each in together if each & known))
        if more == known:
            return known
        known = more


def test_a_claimed_device_carries_no_address_to_a_user_when_the_shop_hears_of_it() -> None:
    shop = _ann_is_user_7()
    shop.hears({"type": "identify", "userId": "u7", "anonymousId": "d"}, public=True)
    shop.hears({"type": "identify", "anonymousId": "d", "traits": {"email": EVE}})
    shop.hears({"type": "identify", "anonymousId": "d", "traits": {"email": "none"}})
    assert sorted(shop.emails().values()) == [ANN, EVE]


def test_nor_does_an_address_that_was_claimed_for_a_device_become_a_users() -> None:
    """Eve leaves Ann's address on a page and logs in: Ann's mails do not go to Eve."""
    shop = Shop()
    shop.hears({"type": "identify", "traits": {"email": ANN}})
    shop.hears({"type": "identify", "anonymousId": "d", "traits": {"email": ANN}}, public=True)
    shop.hears({"type": "identify", "userId": "eve", "traits": {"email": EVE}})
    shop.hears({"type": "identify", "userId": "eve", "anonymousId": "d"})
    assert sorted(shop.emails().values()) == [ANN, EVE]


def test_the_shop_makes_a_claim_true_by_saying_the_same() -> None:
    shop = Shop()
    shop.hears({"type": "identify", "userId": "u7", "anonymousId": "d"}, public=True)
    shop.hears({"type": "identify", "userId": "u7", "anonymousId": "d"})
    shop.hears({"type": "identify", "anonymousId": "d", "traits": {"email": ANN}})
    assert list(shop.emails().values()) == [ANN]


def test_no_page_says_how_often_somebody_wants_mail() -> None:
    often = {"email_frequency": "normal", "city": "Oslo"}
    for place in ({"traits": often}, {"context": {"traits": often}}):
        shop = _ann_is_user_7()
        shop.hears({"type": "identify", "userId": "u7", "anonymousId": "d"}, public=True)
        shop.hears({"type": "identify", "userId": "u7", **place}, public=True)
        shop.hears({"type": "identify", "anonymousId": "d", **place}, public=True)
        given_traits = shop.profiles[user(7)._replace(value="u7").id].state.given
        assert given_traits["city"].value == "Oslo"
        assert "email_frequency" not in given_traits


def test_a_claim_brings_no_subscription_and_keeps_a_refusal() -> None:
    news, carts = {"state": "subscribed"}, {"state": "unsubscribed"}
    consent = {"type": "identify", "traits": {"consent": {"news": news, "carts": carts}}}
    claim = {"type": "identify", "userId": "u7", "anonymousId": "d"}
    for first, then in ((False, True), (True, False)):
        shop = Shop()
        for public in (first, then):
            shop.hears(claim if public else {**consent, "anonymousId": "d"}, public=public)
        (told,) = [p for c, p in shop.profiles.items() if c in shop.rows.contact.values()]
        assert {t: c.state for t, c in told.state.consent.items()} == {"carts": "unsubscribed"}
