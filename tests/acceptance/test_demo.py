"""A short demo on the whole stack; then its evidence with a fault planted, which must be seen."""

import asyncio
import copy
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from rich.console import Console

from deploy.local.demo import prepared
from deploy.local.demo_days import Days, Setting
from deploy.local.ports import Ports
from deploy.local.shop.check import check
from deploy.local.shop.evidence import Evidence, Json, moment, step
from tests.own import own_home

pytestmark = pytest.mark.timeout(400)

WALL = timedelta(seconds=20)


@pytest.fixture(scope="module")
def recorded() -> Iterator[Evidence]:
    """A day and a half of a small shop in a minute, all real.

    No faster than the demo itself: what a mail takes counts in business time, and two hours of it
    are all that a busy machine is allowed.
    """
    with own_home() as home:
        setting = Setting(
            minutes=0.9, speed=2400, people=600, seed=SEED, home=home, ports=Ports.any_free()
        )
        platform = prepared(setting)
        platform.start()
        try:
            yield asyncio.run(Days(platform, setting, Console(file=io.StringIO())).live())
        finally:
            platform.stop()


SEED = 7


@pytest.fixture
def evidence(recorded: Evidence, tmp_path: Path) -> Evidence:
    """A copy to plant faults in, as it would be read from the demo's home."""
    recorded.save(tmp_path / "evidence.json")
    return Evidence.load(tmp_path / "evidence.json")


def wrong(evidence: Evidence) -> dict[str, str]:
    """The checks that fail, and what they say."""
    # A short demo does not reach the ends of the journeys.
    findings = check(evidence, reached=0, left=0)
    return {finding.name: finding.told for finding in findings if not finding.fine}


def test_all_checks_hold_and_have_something_to_check(evidence: Evidence) -> None:
    assert wrong(evidence) == {}
    assert len(evidence.messages) > 50
    assert list(evidence.did("unsubscribe"))
    assert list(evidence.did("click"))
    assert any(entry["status"] == 400 for entry in evidence.answered)
    assert any(one["converted"] for one in _steps(evidence))


def test_a_dropped_event_is_seen(evidence: Evidence) -> None:
    kept = next(e for e in evidence.answered if e["origin"] == "live" and e["status"] == 200)
    evidence.shop.append(kept | {"message_id": "answered 200, and never seen again"})
    assert "accepted is kept" in wrong(evidence)


def test_an_event_that_counts_twice_is_seen(evidence: Evidence) -> None:
    evidence.overview["events"] += 1
    assert "accepted is kept" in wrong(evidence)


def test_a_doubled_mail_is_seen(evidence: Evidence) -> None:
    evidence.messages.append(evidence.messages[0] | {"id": "another"})
    assert {"sent once", "sent"} <= set(wrong(evidence))


def test_a_mail_that_never_came_is_seen(evidence: Evidence) -> None:
    first = next(m for m in evidence.messages if step(m)[:2] == ("welcome", "hello"))
    evidence.messages.remove(first)
    evidence.events[:] = [e for e in evidence.events if e["message_id"] != first["id"]]
    evidence.shop[:] = [e for e in evidence.shop if e.get("mail") != first["id"]]
    assert "sent" in wrong(evidence)


COUNTS: dict[str, Callable[[Json], None]] = {
    "delivered": lambda one: one.update(delivered=one["delivered"] + 1),
    "opened human": lambda one: one["opened"].update(human=one["opened"]["human"] - 1),
    "clicked raw": lambda one: one["clicked"].update(raw=one["clicked"]["raw"] + 1),
    "bounced soft": lambda one: one["bounced"].update(soft=one["bounced"]["soft"] + 1),
    "unsubscribed": lambda one: one.update(unsubscribed=one["unsubscribed"] + 1),
    "converted": lambda one: one.update(converted=one["converted"] + 1),
    "revenue EUR": lambda one: one["revenue"].update(EUR="0.01"),
}


@pytest.mark.parametrize("column", COUNTS)
def test_a_count_that_is_off_by_one_is_seen(evidence: Evidence, column: str) -> None:
    COUNTS[column](next(one for one in _steps(evidence) if one["sent"]))
    assert column in wrong(evidence)


def test_a_counter_of_prometheus_that_is_off_is_seen(evidence: Evidence) -> None:
    name = "tuvi_messages_delivered_total{"
    lines = evidence.scrapes["metrics"].splitlines()
    at = next(n for n, text in enumerate(lines) if text.startswith(name) and text[-4:] != " 0.0")
    head, _, value = lines[at].rpartition(" ")
    lines[at] = f"{head} {float(value) + 1}"
    evidence.scrapes["metrics"] = "\n".join(lines) + "\n"
    assert "delivered" in wrong(evidence)


def _steps(evidence: Evidence) -> list[Json]:
    return [one for journey in evidence.reports["journeys"] for one in journey["steps"]]


def _another_mail(like: Json, **changes: object) -> Json:
    """A mail of a run and step of its own, so that it is no double."""
    mail = copy.deepcopy(like)
    mail["tags"] |= {"run": f"r_{uuid4().hex}", "message_id": f"m_{uuid4().hex}"}
    return mail | {"id": uuid4().hex} | changes


def test_a_mail_after_an_unsubscribe_is_seen(evidence: Evidence) -> None:
    no = next(evidence.did("unsubscribe"))
    mail = next(m for m in evidence.messages if m["id"] == no["mail"])
    late = (moment(no["wall"]) + WALL).isoformat()
    evidence.messages.append(_another_mail(mail, wall=late))
    assert "no means no" in wrong(evidence)


def test_a_mail_without_consent_is_seen(evidence: Evidence) -> None:
    mail = evidence.messages[0]
    evidence.messages.append(_another_mail(mail, to=["never.asked@example.com"]))
    assert "with consent" in wrong(evidence)


def test_a_mail_that_only_the_import_can_have_caused_is_seen(evidence: Evidence) -> None:
    mailed = {m["to"][0] for m in evidence.messages}
    imported = next(
        e["email"]
        for e in evidence.accepted
        if e["origin"] == "import"
        and e["consent"].get("newsletter") == "subscribed"
        and e["email"] not in mailed
    )
    hello = next(m for m in evidence.messages if step(m)[1] == "hello")
    evidence.messages.append(_another_mail(hello, to=[imported]))
    seen = wrong(evidence)
    assert "imports mail nobody" in seen
    assert "with consent" not in seen


def test_a_reminder_to_a_buyer_is_seen(evidence: Evidence) -> None:
    order = next(
        e
        for e in evidence.accepted
        if e["name"] == "Order Completed" and e["origin"] == "live" and "cart_id" in e["facts"]
    )
    reminder = next(m for m in evidence.messages if step(m)[1] == "reminder")
    late = (moment(order["wall"]) + WALL).isoformat()
    at = (moment(order["at"]) + WALL * evidence.speed).isoformat()
    mail = _another_mail(reminder, to=[order["email"]], wall=late, at=at)
    evidence.messages.append(mail)
    assert "buyers left alone" in wrong(evidence)


def test_a_mail_to_a_holdout_is_seen(evidence: Evidence) -> None:
    mail = _another_mail(evidence.messages[0])
    mail["tags"]["variant"] = "holdout"
    evidence.messages.append(mail)
    assert "holdouts get no mail" in wrong(evidence)


def test_a_person_who_is_two_contacts_is_seen(evidence: Evidence) -> None:
    evidence.overview["contacts"] += 1
    assert "one person, one contact" in wrong(evidence)


def test_a_rate_that_is_not_its_quotient_is_seen(evidence: Evidence) -> None:
    one = next(one for one in _steps(evidence) if one["delivered"])
    one["rates"]["open"]["value"] = 0.987
    assert "rates" in wrong(evidence)


def test_people_who_were_forgotten_are_seen(evidence: Evidence) -> None:
    first = ("welcome", "hello")
    gone = {m["id"] for m in evidence.messages if step(m)[:2] == first}
    evidence.messages[:] = [m for m in evidence.messages if m["id"] not in gone]
    evidence.events[:] = [e for e in evidence.events if e["message_id"] not in gone]
    evidence.shop[:] = [e for e in evidence.shop if e.get("mail") not in gone]
    assert "nobody forgotten" in wrong(evidence)


def test_a_journey_that_nobody_walks_to_its_end_is_seen(evidence: Evidence) -> None:
    findings = check(evidence, reached=10_000, left=0)
    assert {f"journey {name}" for name in evidence.journeys} <= {
        finding.name for finding in findings if not finding.fine
    }
