"""What segments and journeys ask of the profile, and what is then remembered."""

from typing import Any

import pytest
from msgspec.structs import replace

from services.segmenter.domain.definitions import of
from services.segmenter.domain.segment_file import parse_segment
from shared.conditions import ConditionError, parse
from shared.conditions.journeys import find
from shared.contracts import Definition
from tests.unit.segmenter.shop import AT_RISK, segment

OPENED = {"email": "opened", "in_last": "90d"}
WHO = {"trait": "country", "is": "SE"}
JOURNEY: dict[str, Any] = {
    "journey": "cart",
    "trigger": {"event": "Product Added", "who": {"all": [WHO, {"not": OPENED}]}},
    "exit_when": [{"event": "Order Completed", "match": "key"}],
    "steps": [
        {"id": "a", "wait_until": {"email": "clicked", "step": "b"}, "timeout": "1d"},
        {"id": "c", "wait_until": {"event": "Order Completed"}, "timeout": "1d"},
        {"id": "d", "branch": WHO, "then": [{"id": "e", "branch": {"event": "Cart Viewed"}}]},
        {"id": "f", "wait_until": {"trait": "city", "exists": True}, "timeout": "1d"},
    ],
}


def journey(body: dict[str, Any], revision: int = 1) -> Definition:
    return Definition(
        workspace="default", kind="journey", id="cart", version=1, revision=revision, body=body
    )


def test_a_journeys_conditions_are_found_and_what_it_waits_for_is_not_one() -> None:
    city = {"trait": "city", "exists": True}
    asked = [{"all": [WHO, {"not": OPENED}]}, WHO, {"event": "Cart Viewed"}, city]
    assert find(JOURNEY) == [parse(condition) for condition in asked]


def test_what_journeys_and_segments_ask_is_remembered_by_name() -> None:
    definitions = of([AT_RISK, journey(JOURNEY)])
    assert definitions.names() == ["Cart Viewed", "Opened", "Order Completed"]
    assert len(definitions.aggregates) == 4


def test_a_pause_changes_nothing_for_contacts_but_a_new_question_does() -> None:
    one = of([AT_RISK, journey(JOURNEY)])
    paused = of([AT_RISK, replace(journey(JOURNEY, 2), status="paused")])
    assert (one.digest, one.kept) == (paused.digest, paused.kept)
    assert paused.journeys_revision == 2
    asked = {**JOURNEY, "steps": [{"id": "x", "branch": {"event": "Signed Up"}}]}
    assert of([AT_RISK, journey(asked)]).kept != one.kept
    changed = of([replace(AT_RISK, revision=5), journey(JOURNEY)])
    assert (changed.kept, changed.digest != one.digest) == (one.kept, True)


def test_segments_are_answered_after_those_they_ask_about() -> None:
    asks = segment("a-first-by-name", {"segment": "z-last-by-name"}, 1)
    asked = segment("z-last-by-name", WHO, 7)
    found = of([asks, asked]).segments
    assert [(s.id, s.revision) for s in found] == [("z-last-by-name", 7), ("a-first-by-name", 7)]


def test_a_segment_that_cannot_be_read_stops_no_other() -> None:
    found = of([segment("new-form", {"moon": "full"}, 9), AT_RISK])
    assert found.broken == ("new-form",)
    assert [s.id for s in found.segments] == ["at-risk"]
    assert found.segments_revision == 1


def test_a_circle_over_other_segments_is_refused() -> None:
    known = {"b": parse({"segment": "c"}), "c": parse({"segment": "a"})}
    with pytest.raises(ConditionError, match="asks about itself"):
        parse_segment({"segment": "a", "who": {"segment": "b"}}, known)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "not a segment"),
        ({"who": WHO}, "no name"),
        ({"segment": "a"}, "no who"),
        ({"segment": 7, "who": WHO}, "quote it"),
        ({"segment": "a", "who": WHO, "description": 7}, "description: not a text"),
        ({"segment": "a", "when": WHO}, "did you mean 'who'"),
        ({"segment": "a", "who": {"trait": "country", "iss": "SE"}}, "who.iss"),
    ],
)
def test_a_wrong_file_is_told_its_place_and_what_to_write(data: object, words: str) -> None:
    with pytest.raises(ConditionError, match=words):
        parse_segment(data, {})
