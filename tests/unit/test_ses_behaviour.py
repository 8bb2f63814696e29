"""How the endpoint's mailboxes, faults, account, tracking and files behave, without a network."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.ses import tracking
from deploy.local.ses.account import Account, Standing
from deploy.local.ses.faults import CLOSE_AFTER, ERROR_AFTER, FaultPlan, Faults
from deploy.local.ses.lines import Lines
from deploy.local.ses.recipients import DELIVERED, HARD, Mailboxes
from deploy.local.ses.refusal import Refusal
from deploy.local.ses.settings import Settings, parse

HTML = (
    '<html><head></head><body><a class="b" href="https://a.test/?x=1&amp;y=2">A</a>'
    "<A HREF='http://b.test'>B</A><a href=\"mailto:c@d.test\">C</a>"
    '<a ses:no-track href="https://d.test">D</a></body></html>'
)


def test_a_seed_decides_who_bounces_whatever_the_order() -> None:
    mailboxes = Mailboxes(seed=7, hard_bounces=0.1, soft_bounces=0.2, complaints=0.05)
    people = [f"c{n}@example.com" for n in range(2000)]
    first = {one: mailboxes.outcome(one, "m") for one in people}
    again = {one: mailboxes.outcome(one, "m") for one in reversed(people)}
    assert first == again
    counts = Counter(first.values())
    assert 150 < counts[HARD] < 250
    assert 1200 < counts[DELIVERED] < 1450


def test_an_address_that_does_not_exist_never_does() -> None:
    mailboxes = Mailboxes(hard_bounces=0.5)
    for person in (f"c{n}@example.com" for n in range(50)):
        assert len({mailboxes.outcome(person, key) == HARD for key in "abcde"}) == 1


def test_faults_of_a_seed_repeat_and_the_next_calls_come_first() -> None:
    plan = FaultPlan(seed=3, rates={ERROR_AFTER: 0.3}, next={CLOSE_AFTER: 2})
    one, two = Faults(plan), Faults(plan)
    drawn = [one.draw() for _ in range(500)]
    assert drawn == [two.draw() for _ in range(500)]
    assert drawn[:2] == [CLOSE_AFTER, CLOSE_AFTER]
    assert one.happened[CLOSE_AFTER] == 2
    assert 100 < one.happened[ERROR_AFTER] < 200


@pytest.mark.parametrize(
    "plan",
    [FaultPlan(rates={"nope": 0.1}), FaultPlan(rates={ERROR_AFTER: 1.5}), FaultPlan(next={"x": 1})],
)
def test_a_fault_plan_that_means_nothing_is_refused(plan: FaultPlan) -> None:
    with pytest.raises(ValueError, match=r"fault|rates"):
        Faults(plan)


class Hand:
    """A timer moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_a_bucket_that_fills_again() -> None:
    hand = Hand()
    account = Account(Standing(rate=10), hand)
    for _ in range(10):
        account.admit(1)
    with pytest.raises(Refusal, match="Maximum sending rate exceeded"):
        account.admit(1)
    hand.now += 0.5
    for _ in range(5):
        account.admit(1)
    with pytest.raises(Refusal):
        account.admit(1)


def test_the_quota_counts_the_last_day() -> None:
    hand = Hand()
    account = Account(Standing(quota=2), hand)
    for _ in range(2):
        account.admit(1)
        account.count(1)
    with pytest.raises(Refusal, match="Daily message quota exceeded"):
        account.admit(1)
    hand.now += 86_500
    account.admit(1)
    assert account.sent_last_day() == 0


def test_links_are_tracked_as_ses_does() -> None:
    assert tracking.links(HTML) == ["https://a.test/?x=1&y=2", "http://b.test"]
    shown = tracking.rewritten(HTML, "id-1")
    assert 'href="/c/id-1/0"' in shown
    assert '"/c/id-1/1"' in shown
    assert 'href="mailto:c@d.test"' in shown
    assert 'ses:no-track href="https://d.test"' in shown
    assert shown.index("/o/id-1.gif") < shown.index("</body>")


@given(st.text())
def test_no_html_breaks_the_tracking(html: str) -> None:
    assert "/o/m.gif" in tracking.rewritten(html, "m")
    tracking.links(html)


def test_a_line_that_was_cut_by_a_crash_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a":1}\n{"b":2}\n{"c":')
    lines = Lines(path)
    assert lines.page(0, 10) == [b'{"a":1}', b'{"b":2}']
    assert lines.append(b'{"c":3}') == 3
    assert lines.read(3) == b'{"c":3}'
    assert lines.page(1, 1) == [b'{"b":2}']
    assert lines.page(3, 10) == []
    lines.close()
    assert path.read_bytes() == b'{"a":1}\n{"b":2}\n{"c":3}\n'


def test_every_setting_is_a_flag() -> None:
    flags = ["--home", "h", "--rate", "14", "--sandbox", "--fault", "error_after=0.1"]
    settings = parse([*flags, "--identity", "a.test", "--identity", "b.test"])
    assert settings.rate == 14
    assert not settings.standing().production_access
    assert settings.identity == ["a.test", "b.test"]
    assert settings.fault_plan().rates == {ERROR_AFTER: 0.1}
    assert parse(["--home", "h"]) == Settings(home="h")
    with pytest.raises(ValueError, match="NAME=VALUE"):
        parse(["--home", "h", "--fault", "error_after"]).fault_plan()
