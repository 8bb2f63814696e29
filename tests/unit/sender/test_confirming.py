"""The confirmation link: made of what the form's event says, and of nothing else."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.sender.confirming import to_confirm
from shared.contracts import Send
from shared.tokens import BadToken, make_token, read_confirmation, read_token

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEYS = ["a key of the shop's own"]
EVENT = {
    "form": "newsletter",
    "double_opt_in": True,
    "consent_topics": ["newsletter", "offers"],
    "consent_version": "v3",
}


def send(**event: Any) -> Send:
    return Send(
        workspace="default",
        contact="c1",
        contact_version=1,
        message="m1",
        run="r1",
        journey="confirm-subscription",
        version=2,
        step="ask",
        template="confirm-subscription",
        topic="confirmations",
        due_at=NOON,
        not_after=NOON,
        transactional=True,
        data={"event": {**EVENT, **event}, "contact": {"locale": "de"}},
    )


def test_the_link_names_topics_text_form_and_whom_it_was_sent() -> None:
    claim = to_confirm(send())
    assert claim is not None
    assert (claim.topics, claim.text, claim.form) == (("newsletter", "offers"), "v3", "newsletter")
    assert (claim.contact, claim.message, claim.locale) == ("c1", "m1", "de")
    assert claim.issued == NOON.timestamp()
    assert read_confirmation(KEYS, make_token(KEYS, claim)) == claim
    with pytest.raises(BadToken):  # nor does it end anything
        read_token(KEYS, make_token(KEYS, claim))


@pytest.mark.parametrize(
    "event",
    [
        {"double_opt_in": False},
        {"double_opt_in": "true"},
        {"consent_topics": None},
        {"consent_topics": "newsletter"},
        {"consent_topics": [7, "", "x" * 65]},
    ],
)
def test_there_is_no_link_where_nothing_is_to_be_confirmed(event: dict[str, Any]) -> None:
    assert to_confirm(send(**event)) is None


def test_the_longest_link_is_one_that_is_read() -> None:
    topics = [f"{number:064}" for number in range(200)]
    claim = to_confirm(send(consent_topics=topics, consent_version="v" * 64, form="f" * 64))
    assert claim is not None
    assert len(claim.topics) == 30
    assert read_confirmation(KEYS, make_token(KEYS, claim)) == claim
