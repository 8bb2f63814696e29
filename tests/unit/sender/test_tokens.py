"""What a link in a mail may carry, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens import BadToken, UnsubscribeClaim, keys_from, make_token, read_token

OLD, NEW = "an old key of the shop", "a new key of the shop"
CLAIM = UnsubscribeClaim(workspace="default", contact="c_1", message="m_1", topic="marketing")
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(
    claim=st.builds(
        UnsubscribeClaim,
        workspace=words,
        contact=words,
        message=words,
        topic=words,
        journey=words,
        version=st.integers(0, 10**6),
        run=words,
        step=words,
        variant=words,
    )
)
def test_what_went_in_comes_out(claim: UnsubscribeClaim) -> None:
    token = make_token([NEW], claim)
    assert read_token([NEW], token) == claim
    assert token.replace("-", "").replace("_", "").replace(".", "").isalnum()


def test_links_in_old_mails_work_after_the_key_was_changed() -> None:
    assert read_token([NEW, OLD], make_token([OLD], CLAIM)) == CLAIM


def test_the_first_key_signs() -> None:
    with pytest.raises(BadToken):
        read_token([OLD], make_token([NEW, OLD], CLAIM))


@given(st.text(max_size=80))
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(BadToken):
        read_token([NEW], text)


@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    token = make_token([NEW], CLAIM)
    at = data.draw(st.integers(0, len(token) - 2))  # the last character has spare bits
    other = data.draw(st.sampled_from("abcXYZ019-_").filter(lambda c: c != token[at]))
    with pytest.raises(BadToken):
        read_token([NEW], token[:at] + other + token[at + 1 :])


@pytest.mark.parametrize("setting", ["", " , ", "short"])
def test_a_setting_that_protects_nothing_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="TUVI_TOKEN_KEYS"):
        keys_from(setting)


def test_keys_are_given_by_commas() -> None:
    assert keys_from(f"{NEW}, {OLD}") == [NEW, OLD]
