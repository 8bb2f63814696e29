"""Whom each journey had to write to, by what happened in the shop: nobody may be forgotten."""

from datetime import datetime, timedelta
from decimal import Decimal

from deploy.local.shop.evidence import Evidence, Finding, Json, address, found, moment, step
from deploy.local.shop.promises import SILENCE, carts_of, forbids, live

LATEST = timedelta(hours=14)
"""Before the end: an hour of quiet in the shop, eleven of quiet hours, and what it takes."""
WORTH = Decimal(20)  # euros; of starter/journeys/abandoned-cart.yaml

FIRST_STEPS = {"welcome": "hello", "abandoned-cart": "reminder", "win-back": "miss-you"}


def nobody_forgotten(evidence: Evidence) -> Finding:
    """Everybody with a reason got the first mail, but for as many as the reports say were skipped.

    Not looked at: who ordered while the shop lived on, or said no, or has no address that takes
    mail; their mails may rightly have been withdrawn.
    """
    excused = {entry["email"].lower() for entry in live(evidence, "Order Completed")}
    excused |= {did["email"].lower() for did in evidence.did("unsubscribe")}
    excused |= {event["to"].lower() for event in evidence.events if forbids(event)}
    told, wrong = [], []
    for journey, people in _due(evidence).items():
        first = FIRST_STEPS[journey]
        mailed = {address(m) for m in evidence.messages if step(m)[:2] == (journey, first)}
        meant = people - excused
        missing, skipped = meant - mailed, _skipped(evidence, journey, first)
        told.append(f"{len(meant)} for {journey}")
        if len(missing) > skipped:
            wrong.append(f"{len(missing)} got no {journey}/{first}, {skipped} were skipped")
    return found("nobody forgotten", ", ".join(told), wrong)


def _due(evidence: Evidence) -> dict[str, set[str]]:
    last = moment(evidence.phase("ends")["at"]) - LATEST
    begin = moment(evidence.phase("lives")["at"])
    return {
        "welcome": {
            entry["email"].lower()
            for entry in live(evidence, "identify")
            if entry["consent"].get("newsletter") == "subscribed" and moment(entry["at"]) < last
        },
        "abandoned-cart": _left_carts(evidence, last),
        "win-back": {
            email
            for email, ordered in _last_orders(evidence).items()
            if begin < ordered + SILENCE < last and _agreed(evidence, email, "newsletter")
        },
    }


def _left_carts(evidence: Evidence, last: datetime) -> set[str]:
    carts = carts_of(evidence)
    newest = {  # what the newest event of a cart says it is worth
        (entry["email"].lower(), entry["facts"]["cart_id"]): entry["facts"]
        for entry in live(evidence, "Product Added", "Checkout Started")
    }
    worthy = {
        email
        for (email, cart), facts in newest.items()
        if facts["currency"] == "EUR"
        and _value(facts) >= WORTH
        and all(at < last for name, at in carts[email] if name == cart)
    }
    known = {entry["email"].lower() for entry in evidence.accepted if entry["person"]}
    return {e for e in worthy & known if _agreed(evidence, e, "cart-reminders")}


def _value(facts: Json) -> Decimal:
    if "value" in facts:
        return Decimal(str(facts["value"]))
    return Decimal(facts["price"]) * Decimal(facts["quantity"])


def _last_orders(evidence: Evidence) -> dict[str, datetime]:
    orders: dict[str, datetime] = {}
    for entry in evidence.accepted:
        if entry["name"] == "Order Completed":
            email, at = entry["email"].lower(), moment(entry["at"])
            orders[email] = max(at, orders.get(email, at))
    return orders


def _agreed(evidence: Evidence, email: str, topic: str) -> bool:
    return (email, topic) in evidence.consents


def _skipped(evidence: Evidence, journey: str, name: str) -> int:
    return sum(
        sum(one["skipped"].values()) + one["failed"]
        for report in evidence.reports["journeys"]
        if report["journey"] == journey
        for one in report["steps"]
        if one["step"] == name
    )
