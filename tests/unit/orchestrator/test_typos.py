"""A journey file with a mistake: the file, the line, and what was probably meant."""

import pytest

from services.orchestrator.domain import JourneyError, missing, parse_journey
from services.orchestrator.journey_files import JourneyFileError, load_journey_file
from services.sender.templates import compile_template, read_templates
from tests.unit.orchestrator.world import ROOT, starter

STARTER = ROOT / "starter"

GOOD = """\
journey: test
topic: newsletter
trigger:
  quiet: [Product Added]
  for: 1h
  key: [cart_id]
  where: {value: {gte: 20, currency: EUR}}
reentry: per_key
exit_when:
  - {event: Order Completed, match: key, if_missing: exit}
goal: {event: Order Completed, match: key, if_missing: match, within: 5d, value: revenue}
policy: {expires_after: 12h, quiet_hours: "21:00-08:00", timezone: contact}
steps:
  - {id: reminder, send: cart-reminder, quiet_hours: none}
  - id: read
    wait_until: {email: clicked, step: reminder}
    timeout: 23h
    then: [{id: help, send: cart-questions}]
  - id: kind
    branch: {if: {segment: loyal}, then: [{id: thanks, send: thanks}]}
  - id: offer
    random_split:
      - {variant: ten, weight: 45, send: ten}
      - {variant: none, weight: 10, holdout: true}
  - {id: nap, delay: 2d}
  - {id: stop, exit: enough}
"""

TYPOS = [
    ("journey: test", "jurney: test", 1, "did you mean 'journey'?"),
    ("journey: test", "journey: my journey", 1, "not an id: 'my journey'"),
    ("topic: newsletter\n", "", 1, "'topic' is missing"),
    ("topic:", "topics:", 2, "did you mean 'topic'?"),
    ("quiet:", "quite:", 4, "did you mean 'quiet'?"),
    ("for: 1h", "for: 1 hour", 5, "not a duration: '1 hour'; write 90d, 12h, 30m or 45s"),
    ("for: 1h", "form: 1h", 5, "did you mean 'for'?"),
    ("  for: 1h\n", "", 3, "'for' is missing; write for: 1h"),
    ("key: [cart_id]", "keys: [cart_id]", 6, "did you mean 'key'?"),
    ("{gte: 20", "{gtee: 20", 7, "did you mean 'gte'?"),
    (", currency: EUR", "", 7, "is money; say which, such as currency: EUR"),
    ("reentry: per_key", "reentry: per_cart", 8, "did you mean 'per_key'?"),
    ("reentry: per_key", "reentry: after_period", 8, "write {after_period: 7d}"),
    ("reentry: per_key", "reentry: {after_period: 7d, per_key: 7d}", 8, "true or false"),
    ("match: key, if_missing: exit", "match: keys", 10, "did you mean 'key'?"),
    ("if_missing: exit", "if_missing: exits", 10, "did you mean 'exit'?"),
    ("if_missing: exit", "is_missing: exit", 10, "did you mean 'if_missing'?"),
    ("within: 5d", "within: 5 days", 11, "not a duration: '5 days'"),
    ("within:", "withing:", 11, "did you mean 'within'?"),
    ("expires_after:", "expire_after:", 12, "did you mean 'expires_after'?"),
    ('"21:00-08:00"', '"9pm-8am"', 12, 'write "21:00-08:00" in quotes'),
    ('"21:00-08:00"', '"21:00-21:00"', 12, "the two times must differ"),
    ("expires_after: 12h", "expires_after: 31d", 12, "up to 30d"),
    ("topic: newsletter", "topic: newsletter\ntransactional: true", 13, "at any time of day"),
    ("timezone: contact", "timezone: Tallinn", 12, "did you mean 'Europe/Tallinn'?"),
    ("timezone: contact", "timezone: Mars", 12, "contact, or such as Europe/Tallinn"),
    ("send: cart-reminder", "sned: cart-reminder", 14, "did you mean 'send'?"),
    ("quiet_hours: none", "quiet_hours: off", 14, 'write "21:00-08:00" in quotes, or none'),
    ("quiet_hours: none", "quiet_hours: null", 14, "not hours: null; write"),
    ("quiet_hours: none", "quiet_hour: none", 14, "did you mean 'quiet_hours'?"),
    ("id: reminder,", "", 14, "'id' is missing"),
    ("step: reminder", "step: remainder", 16, "did you mean 'reminder'?"),
    ("email: clicked", "email: cliked", 16, "did you mean 'clicked'?"),
    ("    timeout: 23h\n", "", 15, "'timeout' is missing; write timeout: 23h"),
    ("timeout: 23h", "timeuot: 23h", 17, "did you mean 'timeout'?"),
    ("id: help", "id: reminder", 18, "a second step 'reminder'"),
    ("{segment: loyal}", "{segmnt: loyal}", 20, "did you mean 'segment'?"),
    ("if: {", "when: {", 20, "unknown key 'when'"),
    ("weight: 45", "weight: 45.5", 23, "not a weight: 45.5"),
    ("send: ten", "send: ten, quiet_hours: 9pm", 23, "not hours: '9pm'"),
    ("holdout: true", "holdout: true, quiet_hours: none", 24, "goes with send"),
    ("variant: none", "variant: ten", 24, "a second variant 'ten'"),
    ("holdout: true", "holdout: yes", 24, "not true or false: 'yes'"),
    ("delay: 2d", "dealy: 2d", 25, "did you mean 'delay'?"),
    ("delay: 2d", "delay: 2d, send: x", 25, "delay and send in one step"),
    ("exit: enough", "exit: [enough]", 26, "not an id"),
]


def test_the_file_without_mistakes_is_read() -> None:
    journey = load_journey_file(GOOD, "good.yaml")
    assert journey.id == "test"
    assert [step.id for step in journey.steps] == [
        *("reminder", "read", "help", "kind", "thanks", "offer", "nap", "stop")
    ]
    assert journey.segments() == {"loyal"}


@pytest.mark.parametrize(("right", "wrong", "line", "says"), TYPOS)
def test_a_mistake_is_shown_with_its_line(right: str, wrong: str, line: int, says: str) -> None:
    assert right in GOOD
    with pytest.raises(JourneyFileError) as caught:
        load_journey_file(GOOD.replace(right, wrong, 1), "journeys/test.yaml")
    text = str(caught.value)
    assert text.startswith(f"journeys/test.yaml:{line}: "), text
    assert says in text


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("journey: test\n  topic: [", 2, "not allowed here"),
        ("journey: a\njourney: b\n", 2, "'journey' is there twice"),
        ("- journey\n", 1, "not a mapping"),
        ("", 1, "the document is empty"),
        ("a: &a [*a]\n", 1, "too large once its aliases are written out"),
        ("journey: t\ntopic: t\ntrigger: &t {event: X, who: *t}\nsteps: []\n", 3, ""),
        ("journey: \x00", 1, ""),
    ],
)
def test_what_is_no_journey_at_all_has_a_line_too(text: str, line: int, says: str) -> None:
    with pytest.raises(JourneyFileError) as caught:
        load_journey_file(text, "test.yaml")
    assert str(caught.value).startswith(f"test.yaml:{line}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["abandoned-cart", "welcome", "win-back", "quickstart-cart"])
def test_a_published_body_is_the_same_journey(name: str) -> None:
    journey = starter(name)
    again = parse_journey(journey.body, journey.version)
    assert again == journey


def test_all_that_the_starter_journeys_rest_on_is_there() -> None:
    templates = {t.id: compile_template(t).topic for t in read_templates(STARTER / "templates")}
    segments = {path.stem for path in (STARTER / "segments").glob("*.yaml")}
    for name in ("abandoned-cart", "welcome", "win-back", "quickstart-cart"):
        assert missing(starter(name), templates, segments) == []


def test_what_a_journey_rests_on_and_is_not_there_is_said_with_what_was_meant() -> None:
    journey = load_journey_file(GOOD, "good.yaml")
    topic, asks = journey.topic, "the journey asks for consent to"
    templates = {"cart-remainder": topic, "cart-questions": topic, "thanks": "news", "ten": topic}
    assert missing(journey, templates, ["loyal"]) == [
        "step reminder: no template 'cart-reminder' is published; did you mean 'cart-remainder'?",
        f"step thanks: template 'thanks' is written for topic 'news', {asks} '{topic}'",
    ]
    templates |= {"cart-reminder": topic, "thanks": topic}
    assert missing(journey, templates, ["royal"]) == [
        "no segment 'loyal' is published; did you mean 'royal'?"
    ]


def test_plain_data_has_the_place_in_words() -> None:
    with pytest.raises(JourneyError) as caught:
        parse_journey({"journey": "x", "topic": "t", "trigger": {"event": "A"}, "steps": [{}]})
    assert caught.value.path == ("steps", 0)
