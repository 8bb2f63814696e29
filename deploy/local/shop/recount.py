"""The numbers of each step once more, from the shop's log and SES's record alone."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from deploy.local.shop.evidence import Evidence, Json, Step, moment

WINDOW = timedelta(days=5)

Numbers = dict[str, Decimal]  # name to number; a name that is missing is 0
Table = dict[Step, Numbers]


def recount(evidence: Evidence) -> Table:
    """Each mail counts once in each column."""
    columns: dict[str, Iterable[str]] = {
        "sent": evidence.step_of,
        "delivered": _mails(evidence, "Delivery"),
        "opened raw": _mails(evidence, "Open"),
        "clicked raw": _mails(evidence, "Click"),
        "opened human": _by(evidence, "open", "human"),
        "clicked human": _by(evidence, "click", "human"),
        "opened machine": _by(evidence, "open", "machine"),
        "clicked machine": _by(evidence, "click", "machine"),
        "bounced hard": _bounced(evidence, "Permanent"),
        "bounced soft": _bounced(evidence, "Transient"),
        "bounced undetermined": _bounced(evidence, "Undetermined"),
        "complained": _complained(evidence),
        "unsubscribed": (did["mail"] for did in evidence.did("unsubscribe")),
    }
    table: Table = defaultdict(dict)
    for name, mails in columns.items():
        for mail in set(mails):
            _add(table[evidence.step_of[mail]], name, Decimal(1))
    _add_orders(evidence, table)
    return table


def _add(numbers: Numbers, name: str, value: Decimal) -> None:
    numbers[name] = numbers.get(name, Decimal(0)) + value


def _mails(evidence: Evidence, kind: str) -> Iterable[str]:
    return (event["message_id"] for event in evidence.happened(kind))


def _bounced(evidence: Evidence, kind: str) -> Iterable[str]:
    bounces = evidence.happened("Bounce")
    return (e["message_id"] for e in bounces if e["detail"]["bounceType"] == kind)


def _complained(evidence: Evidence) -> Iterable[str]:
    complaints = evidence.happened("Complaint")
    taken_back = "not-spam"
    return (
        e["message_id"]
        for e in complaints
        if e["detail"].get("complaintFeedbackType") != taken_back
    )


def _by(evidence: Evidence, kind: str, who: str) -> Iterable[str]:
    """The shop knows who it was: it played both."""
    return (did["mail"] for did in evidence.did(kind) if did["by"] == who)


def _add_orders(evidence: Evidence, table: Table) -> None:
    """Last human click within five days before the order, by the time of the events."""
    clicks: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for click in evidence.did("click"):
        if click["by"] == "human":
            clicks[click["email"]].append((moment(click["at"]), click["mail"]))
    refunds = _refunds(evidence)
    winners = set()
    for name, order in orders(evidence).items():
        winner = _winner(sorted(clicks[order["email"]]), moment(order["at"]))
        if winner is None:
            continue
        numbers = table[evidence.step_of[winner]]
        if winner not in winners:
            _add(numbers, "converted", Decimal(1))
            winners.add(winner)
        currency, paid = order["facts"]["currency"], Decimal(order["facts"]["revenue"])
        _add(numbers, "orders", Decimal(1))
        _add(numbers, f"revenue {currency}", paid)
        _add(numbers, f"refunded {currency}", min(paid, refunds[name]))


def _refunds(evidence: Evidence) -> dict[str, Decimal]:
    refunds: dict[str, Decimal] = defaultdict(Decimal)
    for entry in evidence.accepted:
        if entry["name"] == "Order Refunded":
            refunds[entry["facts"]["order_id"]] += Decimal(entry["facts"]["total"])
    return refunds


def orders(evidence: Evidence) -> dict[str, Json]:
    """Orders while the shop lived on, by id."""
    return {
        entry["facts"]["order_id"]: entry
        for entry in evidence.accepted
        if entry["name"] == "Order Completed" and entry["origin"] == "live"
    }


def _winner(clicks: list[tuple[datetime, str]], ordered: datetime) -> str | None:
    before = bisect_right(clicks, ordered, key=lambda click: click[0])
    if not before:
        return None
    at, mail = clicks[before - 1]
    return mail if ordered - at <= WINDOW else None
