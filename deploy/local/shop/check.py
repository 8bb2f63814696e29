"""The self-check: everything that can be seen from outside, one finding a line. Pure."""

from collections.abc import Callable
from decimal import Decimal

from deploy.local.shop import expected, numbers, promises
from deploy.local.shop.evidence import OK, Evidence, Finding, Json, found

REACHED = 20  # contacts at the last step of each journey
LEFT = 5  # contacts by each exit rule


def check(evidence: Evidence, *, reached: int = REACHED, left: int = LEFT) -> list[Finding]:
    """All checks; `reached` and `left` are what each journey must have at least."""
    return [
        *(one(evidence) for one in _CHECKS),
        *numbers.agree(evidence),
        *(_walked(evidence, name, reached, left) for name in sorted(evidence.journeys)),
    ]


def _all_counted(evidence: Evidence) -> Finding:
    """Accepted is kept: every event that was answered 2xx is counted, once; no other is."""
    accepted = len(evidence.accepted)
    wrong = []
    if (counted := evidence.overview["events"]) != accepted:
        wrong.append(f"the overview counts {counted}")
    shown = sum(
        value for _, value in evidence.samples("metrics", "tuvi_store_events_counted_total")
    )
    if shown != accepted:
        wrong.append(f"/metrics counts {shown:.0f}")
    answers = sum(entry["status"] in OK for entry in evidence.answered)
    taken = evidence.samples("ingest", "tuvi_ingest_events_total")
    at_the_door = sum(value for labels, value in taken if labels["outcome"] == "accepted")
    if at_the_door != answers:
        wrong.append(f"ingest says it took {at_the_door:.0f} of {answers} answered 2xx")
    refused = len(evidence.answered) - answers
    told = f"{accepted} accepted ({answers - accepted} repeats), {refused} refused"
    return found("accepted is kept", told, wrong)


def _everybody_known(evidence: Evidence) -> Finding:
    """However they came in and were merged, each person is one contact."""
    people = {entry["email"] for entry in evidence.accepted}
    contacts = evidence.overview["contacts"]
    wrong = [] if contacts == len(people) else [f"the overview counts {contacts}"]
    return found("one person, one contact", f"{len(people)} people", wrong)


def _deeds_recorded(evidence: Evidence) -> Finding:
    """The two logs that the numbers are checked against agree with each other."""
    wrong = []
    for kind, event in (("open", "Open"), ("click", "Click")):
        ours = sorted(did["mail"] for did in evidence.did(kind))
        theirs = sorted(one["message_id"] for one in evidence.happened(event))
        if ours != theirs:
            wrong.append(f"the shop did {len(ours)} {kind}s, SES saw {len(theirs)}")
    lost = [e["kind"] for e in evidence.shop if e["kind"] in _DEEDS and e["status"] not in OK]
    wrong += [f"{lost.count(kind)} {kind}s were not taken" for kind in sorted(set(lost))]
    told = ", ".join(f"{sum(1 for _ in evidence.did(kind))} {kind}s" for kind in _DEEDS)
    return found("the logs agree", told, wrong)


_DEEDS = ("open", "click", "unsubscribe", "complain")


def _holdouts(evidence: Evidence) -> Finding:
    """Who is held out for comparison gets no mail."""
    held = sum(j["exited"].get("holdout", 0) for j in evidence.reports["journeys"])
    wrong = [f"mail {m['id']}" for m in evidence.messages if m["tags"].get("variant") == "holdout"]
    wrong += [
        f"{journey['journey']}/{one['step']} says {one['sent']} sent"
        for journey in evidence.reports["journeys"]
        for one in journey["steps"]
        if one["variant"] == "holdout" and one["sent"]
    ]
    return found("holdouts get no mail", f"{held} held out", wrong)


def _rates(evidence: Evidence) -> Finding:
    """Every rate is what it says it is divided by."""
    wrong, seen = [], 0
    for journey in evidence.reports["journeys"]:
        for one in (journey["totals"], *journey["steps"]):
            for name, rate in one["rates"].items():
                seen += 1
                if not _is_quotient(rate):
                    wrong.append(f"{journey['journey']}/{one.get('step', 'totals')} {name}: {rate}")
    return found("rates", f"{seen} rates are their numerator by their denominator", wrong)


def _is_quotient(rate: Json) -> bool:
    above, below = Decimal(str(rate["numerator"])), Decimal(str(rate["denominator"]))
    if not below:
        return rate["value"] is None
    return rate["value"] is not None and abs(float(above / below) - float(rate["value"])) < 1e-4  # noqa: PLR2004


def _walked(evidence: Evidence, name: str, reached: int, left: int) -> Finding:
    """The journey was walked to its last step, and left by each of its exit rules."""
    asked = evidence.journeys[name]
    journey = next((j for j in evidence.reports["journeys"] if j["journey"] == name), None)
    if journey is None:
        return Finding(f"journey {name}", False, "it is not in the reports")
    at_last = sum(one["reached"] for one in journey["steps"] if one["step"] == asked["last"])
    wrong = [f"only {at_last} at {asked['last']}"] if at_last < reached else []
    told = f"{journey['entered']} entered, {at_last} reached {asked['last']}"
    for event in asked["exits"]:
        by = journey["exited"].get(event, 0)
        told += f", {by} left by {event}"
        wrong += [f"only {by} left by {event}"] if by < left else []
    shown = evidence.samples("metrics", "tuvi_journey_runs_entered_total")
    entered = sum(value for labels, value in shown if labels["journey"] == name)
    if entered != journey["entered"]:
        wrong.append(f"/metrics says {entered:.0f} entered")
    return found(f"journey {name}", told, wrong)


_CHECKS: tuple[Callable[[Evidence], Finding], ...] = (
    _all_counted,
    _everybody_known,
    promises.has_a_cause,
    expected.nobody_forgotten,
    promises.sent_once,
    promises.with_consent,
    promises.no_means_no,
    promises.buyers_left_alone,
    _holdouts,
    _deeds_recorded,
    _rates,
)
