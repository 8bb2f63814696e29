"""What a mail did not go out for is said so that its author knows what to put right."""

import pytest

from tests.unit.orchestrator.world import World, hours, starter


@pytest.mark.parametrize(
    ("event", "reason", "detail", "words"),
    [
        (
            "Skipped",
            "template_error",
            "no template 'welcom' is published",
            "not sent, template_error: no template 'welcom' is published",
        ),
        (
            "Skipped",
            "template_error",
            "",
            "not sent, template_error: the template could not be rendered",
        ),
        (
            "Failed",
            "BadRequestException",
            "Missing final …",
            "not sent, BadRequestException: Missing final …",
        ),
        ("Failed", "BadRequestException", "", "not sent, BadRequestException"),
    ],
)
def test_explain_says_what_was_wrong_with_the_mail(
    event: str, reason: str, detail: str, words: str
) -> None:
    world = World(starter("abandoned-cart"))
    world.cart("K", value=50)
    world.pass_time(hours(2), answer=False)
    world.delivery(event, reason=reason, detail=detail)
    assert [line for line in world.words().splitlines() if line.endswith(words)]


def test_a_refusal_after_the_quiet_time_names_the_event_that_began_it() -> None:
    world = World(starter("abandoned-cart"), consent={})
    world.cart("K", value=50)
    world.pass_time(hours(2))

    [refused] = [d for d in world.decisions() if d.what == "refused"]
    assert (refused.input, refused.reason) == ("timer", "no_consent")
    assert refused.detail["started_by"].endswith("m1")
