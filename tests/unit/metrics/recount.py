"""The numbers again, from the topics' plain JSON, as naively as can be. Shares no code."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

Plain = dict[str, Any]
Numbers = dict[tuple[str, str, str, str, str], Decimal]  # journey, step, variant, name, detail


def recount(contact_events: list[Plain], journey_events: list[Plain]) -> Numbers:
    """One workspace. Every fact counts once, however often it was told."""
    who = _persons(contact_events)
    mails = _mails(contact_events, journey_events)
    orders = _orders(contact_events, who)
    numbers: Numbers = defaultdict(Decimal)
    for mail in mails.values():
        _count_mail(numbers, mail)
    _count_orders(numbers, mails, orders, who)
    _count_runs(numbers, journey_events)
    events = {e["event"]["message_id"] for e in contact_events if e.get("event")}
    numbers["", "", "", "events", ""] += len(events)
    contacts = {e["contact"] for e in (*contact_events, *journey_events) if "contact" in e}
    contacts |= {e[side] for e in contact_events if "loser" in e for side in ("loser", "winner")}
    numbers["", "", "", "contacts", ""] += len({who[c] for c in contacts})
    return {key: value for key, value in numbers.items() if value}


def _persons(contact_events: list[Plain]) -> dict[str, str]:
    class Who(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return key

    who = Who()
    for _ in contact_events:  # again and again until nothing changes any more
        before = dict(who)
        for e in contact_events:
            if "loser" in e:
                name = max(who[e["loser"]], who[e["winner"]])
                for contact in [c for c in who if who[c] in (who[e["loser"]], who[e["winner"]])]:
                    who[contact] = name
                who[e["loser"]] = who[e["winner"]] = name
        if before == who:
            break
    return who


def _at(e: Plain) -> datetime:
    return datetime.fromisoformat(e["at"])


def _mails(contact_events: list[Plain], journey_events: list[Plain]) -> dict[str, list[Plain]]:
    mails: dict[str, list[Plain]] = defaultdict(list)
    for e in contact_events:
        if e.get("delivery"):
            by = {"by": e.get("verdict"), "contact": e["contact"]}
            mails[e["delivery"]["message"]].append(e["delivery"] | by)
    for j in journey_events:
        if j["kind"] == "skipped":
            parts = "\x1f".join((j["run"], j["step"])).encode()
            name = "m_" + blake2b(parts, digest_size=12).hexdigest()
            mails[name].append(j | {"event": "Skipped"})
    return mails


def _place(mail: list[Plain]) -> tuple[str, str, str]:
    journey, step, variant = (
        max(e.get(name, "") for e in mail) for name in ("journey", "step", "variant")
    )
    return journey, step, variant


def _count_mail(numbers: Numbers, mail: list[Plain]) -> None:
    where = _place(mail)
    kinds = {e["event"] for e in mail}
    simple = ("Sent", "Delivered", "Complained", "Unsubscribed")
    for kind in kinds.intersection(simple):
        numbers[(*where, kind.lower(), "")] += 1
    if kinds & {"Failed", "Rejected"}:
        numbers[(*where, "failed", "")] += 1
    elif "Skipped" in kinds and "Sent" not in kinds:
        first = min(
            (_at(e), e.get("reason", "") or "skipped") for e in mail if e["event"] == "Skipped"
        )
        numbers[(*where, "skipped", first[1])] += 1
    for kind in {e.get("bounce") or "undetermined" for e in mail if e["event"] == "Bounced"}:
        numbers[(*where, "bounced", kind)] += 1
    for kind in ("Opened", "Clicked"):
        mine = [e for e in mail if e["event"] == kind]
        details = [e["by"] for e in mine if e["by"]] + (["raw"] if mine else [])
        for detail in set(details):
            numbers[(*where, kind.lower(), detail)] += 1
        numbers[(*where, kind.lower(), "total")] += len(
            {(e["at"], e.get("link", "")) for e in mine}
        )


def _orders(contact_events: list[Plain], who: dict[str, str]) -> dict[tuple[str, str], list[Plain]]:
    orders: dict[tuple[str, str], list[Plain]] = defaultdict(list)
    for e in contact_events:
        event = e.get("event") or {}
        if event.get("name", "").startswith("Order "):
            orders[who[e["contact"]], event["properties"]["order_id"]].append(event)
    return orders


def _count_orders(
    numbers: Numbers,
    mails: dict[str, list[Plain]],
    orders: dict[tuple[str, str], list[Plain]],
    who: dict[str, str],
) -> None:
    converted = set()
    for (person, _), told in orders.items():
        completed = [e for e in told if e["name"] == "Order Completed"]
        clicks = [
            (_at(e), name)
            for name, mail in mails.items()
            for e in mail
            if e["event"] == "Clicked" and e["by"] == "human" and who[e["contact"]] == person
        ]
        at = min(map(_at, completed), default=None)
        good = [c for c in clicks if at and timedelta(0) <= at - c[0] <= timedelta(days=5)]
        if not good:
            continue
        mail = max(good)[1]
        where = _place(mails[mail])
        converted.add(mail)
        numbers[(*where, "orders", "")] += 1
        newest = max(completed, key=lambda e: (_at(e), e["message_id"]))["properties"]
        worth = Decimal(str(newest["revenue"]))
        refunds = {
            e["message_id"]: e["properties"].get("revenue")
            for e in told
            if e["name"] == "Order Refunded"
        }
        back = sum((worth if r is None else Decimal(str(r)) for r in refunds.values()), Decimal(0))
        if any(e["name"] == "Order Cancelled" for e in told):
            back = worth
        numbers[(*where, "revenue", newest["currency"])] += worth
        numbers[(*where, "refunded", newest["currency"])] += min(worth, back)
    for name in converted:
        numbers[(*_place(mails[name]), "converted", "")] += 1


def _count_runs(numbers: Numbers, journey_events: list[Plain]) -> None:
    runs: dict[str, list[Plain]] = defaultdict(list)
    refused = set()
    for e in journey_events:
        if e["kind"] == "refused":
            refused.add((e["journey"], e.get("reason", ""), e["contact"], e.get("key"), e["at"]))
        else:
            runs[e["run"]].append(e)
    for journey, reason, *_ in refused:
        numbers[journey, "", "", "refused", reason] += 1
    for told in runs.values():
        journey = told[0]["journey"]
        kinds = {e["kind"] for e in told}
        numbers[journey, "", "", "entered", ""] += "entered" in kinds
        numbers[journey, "", "", "goals", ""] += "goal" in kinds
        exits = [(_at(e), e["reason"]) for e in told if e["kind"] == "exited"]
        if exits:
            numbers[journey, "", "", "exited", min(exits)[1]] += 1
        for step in {e["step"] for e in told if e.get("step")}:
            variant = max(e.get("variant", "") for e in told if e.get("step") == step)
            numbers[journey, step, variant, "reached", ""] += 1
