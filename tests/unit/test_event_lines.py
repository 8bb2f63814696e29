"""What `tuvi events tail` prints is understood by who has never seen it."""

from datetime import date
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tuvi.event_lines import has_outcome, shown
from tuvi.visible import visible, visible_lines

TODAY = date(2026, 11, 22)
ITEM: dict[str, Any] = {
    "received_at": "2026-11-22T11:02:31.123Z",
    "outcome": "accepted",
    "via": "tuvi_wk_ab12cd",
    "message_id": "m-1",
    "type": "track",
    "name": "Product Added",
    "user_id": "u-7",
    "anonymous_id": "",
    "email": "",
    "origin": "live",
    "route": "",
    "field": "",
    "message": "",
    "warnings": [],
}
PROCESSED: dict[str, Any] = {
    "message_id": "m-1",
    "state": "processed",
    "contact": "c_1",
    "was": "",
    "received_at": "2026-11-22T11:02:31.123Z",
    "segments": [],
    "entered": [],
    "left": [],
}
NOBODY: dict[str, Any] = {
    "message_id": "m-1",
    "final": True,
    "listening": [],
    "journeys": [],
    "words": "no running journey is triggered by 'Product Added'",
}


def lines(**changed: Any) -> list[str]:
    return [line.plain.strip() for line in shown(ITEM | changed, TODAY)]


def told(orchestrator: dict[str, Any] | None = None, **segmenter: Any) -> list[str]:
    """Below the first line."""
    return lines(segmenter=PROCESSED | segmenter, orchestrator=NOBODY | (orchestrator or {}))[1:]


def test_the_first_line_says_when_what_who_and_by_which_door() -> None:
    head = "11:02:31 UTC  accepted  track Product Added  user u-7  via tuvi_wk_ab12cd"

    assert lines()[0] == head
    assert lines(received_at="2026-11-21T23:00:00Z")[0].startswith(
        "2026-11-21 23:00:00 UTC  accepted"
    )
    stranger = lines(user_id="", anonymous_id="a-1", email="ann@example.com", origin="import")[0]
    assert "  anonymous a-1  ann@example.com  import  via" in stranger
    assert lines(type="identify", name="")[0].startswith("11:02:31 UTC  accepted  identify  user")


def test_a_refusal_says_which_field_and_what_to_do() -> None:
    refused = lines(
        outcome="refused", field="properties.currency", message="is missing", user_id=""
    )

    assert refused == [
        "11:02:31 UTC  refused   track Product Added  via tuvi_wk_ab12cd",
        "properties.currency: is missing",
    ]
    whole = lines(outcome="refused", type="", name="", route="/v1/batch", field="body", user_id="")
    assert whole[0] == "11:02:31 UTC  refused   /v1/batch  via tuvi_wk_ab12cd"


def test_a_contact_its_segments_and_silence_have_words() -> None:
    nobody = "→ no running journey is triggered by 'Product Added'"

    assert told() == ["→ contact c_1; now in no segment", nobody]
    moved = told(segments=["loyal", "new"], entered=["new"], left=["at-risk"], was="c_0")
    assert moved[0] == "→ contact c_1 (was c_0); entered new, left at-risk; now in loyal, new"
    assert told({"final": False})[-1].startswith("→ the orchestrator may not have come so far")


def test_what_was_taken_but_will_not_work_is_told() -> None:
    warning = {"field": "traits.email", "message": "is no address"}

    assert lines(warnings=[warning])[1] == "warning: traits.email: is no address"


def test_each_journey_has_a_line() -> None:
    one = {
        "journey": "cart",
        "words": "waits until noon",
        "what": "waiting",
        "run": "",
        "reason": "",
    }

    assert told({"journeys": [one], "words": ""})[1:] == ["→ cart: waits until noon"]


def test_each_mail_of_its_runs_has_a_line_behind_the_journeys() -> None:
    mail = {"journey": "cart", "words": "step first: the mail a (m_1) was sent", "status": "sent"}
    one = {"journey": "cart", "words": "entered", "what": "decided", "run": "r", "reason": ""}
    item = {"segmenter": PROCESSED, "orchestrator": NOBODY | {"journeys": [one], "words": ""}}

    assert lines(**item, sender={"mails": [mail]})[2:] == [
        "→ cart: entered",
        "→ cart: step first: the mail a (m_1) was sent",
    ]


def test_what_was_not_made_of_it_yet_or_again_is_told() -> None:
    first = "2026-11-22T11:00:00Z"

    assert told(state="waiting", contact="")[0].startswith("→ not processed yet")
    assert "m-1 was seen" in told(state="seen", contact="")[0]
    again = "→ a repeat of 2026-11-22 11:00:00 UTC, so it changed nothing; contact c_1"
    assert told(state="repeat", received_at=first) == [f"{again}; now in no segment"]
    assert lines()[1].startswith("→ what came of it is not known")


EVIL = "a\x1b]0;x\x07\x1b[2Jb\rc\nd\te\x7ff\x9b1mg\u202eh\u2066i\u2028j"


@pytest.mark.parametrize(
    "field",
    ["name", "type", "user_id", "anonymous_id", "email", "via", "route", "field", "message"],
)
@pytest.mark.parametrize("outcome", ["accepted", "refused"])
def test_no_word_of_a_stranger_reaches_the_terminal_as_a_command(field: str, outcome: str) -> None:
    item = ITEM | {"name": "", "type": ""} | {field: EVIL, "outcome": outcome}
    item |= {"warnings": [{"field": EVIL, "message": EVIL}], "message_id": EVIL}
    item["segmenter"] = PROCESSED | {"state": "seen", "contact": EVIL}
    item["orchestrator"] = NOBODY | {"words": EVIL, "journeys": [{"journey": "a", "words": EVIL}]}
    console = Console(highlight=False, soft_wrap=True, color_system=None, file=StringIO())

    for line in shown(item, TODAY):
        console.print(line)
        printed = console.file.getvalue().removesuffix("\n")  # type: ignore[attr-defined]
        assert printed.isprintable(), printed
        console.file = StringIO()


def test_its_words_stay_readable() -> None:
    assert visible("Jäätis ☕ 注文 \x1b[2J") == "Jäätis ☕ 注文 ␛[2J"
    assert visible_lines("a\n\x1bb\x85") == "a\n␛b\ufffd"


def test_facts_of_the_catalogue_belong_to_no_contact() -> None:
    assert lines(type="product", name="p-1", user_id="") == [
        "11:02:31 UTC  accepted  product p-1  via tuvi_wk_ab12cd"
    ]
    assert not has_outcome(ITEM | {"type": "stock"})
