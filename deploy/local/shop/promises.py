"""What Tuvi promises, looked at from outside: once, never against a no, never to a buyer."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from deploy.local.shop.evidence import Evidence, Finding, Json, address, found, moment, step

UNSUBSCRIBE_WALL = timedelta(seconds=5)  # promised: not later than this after it was accepted
FEED_WALL = timedelta(seconds=10)  # the same, and SES's own way from its record to ingest
ON_ITS_WAY_WALL = timedelta(seconds=5)
"""What was decided before the order came may still be on its way to SES; longer is a fault."""
CLOCKS_WALL = timedelta(seconds=0.25)  # how far the clocks of two processes may be apart
QUIET = timedelta(hours=1)  # of starter/journeys/abandoned-cart.yaml
SILENCE = timedelta(days=90)  # of starter/segments/at-risk.yaml


def sent_once(evidence: Evidence) -> Finding:
    """One run, one step, one mail."""
    runs = [(m["tags"].get("run", ""), m["tags"].get("step", "")) for m in evidence.messages]
    ids = [(m["tags"].get("message_id", ""), "") for m in evidence.messages]
    to = [(address(m), *map(str, step(m)), m["tags"].get("run", "")) for m in evidence.messages]
    wrong = [
        f"{' '.join(filter(None, what))} {times} times"
        for keys in (runs, ids, to)
        for what, times in Counter(keys).items()
        if times > 1 or not what[0]
    ]
    return found("sent once", f"{len(evidence.messages)} mails, one for each run and step", wrong)


def no_means_no(evidence: Evidence) -> Finding:
    """After an unsubscribe nothing more of its topic; after a complaint or hard bounce nothing."""
    topics = {m["id"]: m["tags"].get("topic", "") for m in evidence.messages}
    noes: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for did in evidence.did("unsubscribe"):
        last = moment(did["wall"]) + UNSUBSCRIBE_WALL
        noes[did["email"].lower()].append((last, topics[did["mail"]]))
    for event in evidence.events:
        if forbids(event):
            noes[event["to"].lower()].append((moment(event["wall"]) + FEED_WALL, ""))
    wrong = [
        f"mail {m['id']} ({'/'.join(step(m))}) after a no"
        for m in evidence.messages
        for last, topic in noes.get(address(m), ())
        if moment(m["wall"]) > last and topic in ("", topics[m["id"]])
    ]
    unsubscribed = sum(1 for _ in evidence.did("unsubscribe"))
    told = f"{unsubscribed} unsubscribes, {len(noes)} people said no or cannot be reached"
    return found("no means no", told, wrong)


def forbids(event: Json) -> bool:
    if event["type"] == "Complaint":
        return bool(event["detail"].get("complaintFeedbackType") != "not-spam")
    return bool(event["type"] == "Bounce" and event["detail"]["bounceType"] == "Permanent")


def with_consent(evidence: Evidence) -> Finding:
    """Whoever got a mail had said yes to its topic before, and the yes had been accepted."""
    said = evidence.consents
    wrong = []
    for mail in evidence.messages:
        yes = said.get((address(mail), mail["tags"].get("topic", "")))
        if yes is None or yes > moment(mail["wall"]) + CLOCKS_WALL:
            wrong.append(f"mail {mail['id']} ({'/'.join(step(mail))}) without consent")
    return found("with consent", f"{len(said)} consents, {len(evidence.messages)} mails", wrong)


def buyers_left_alone(evidence: Evidence) -> Finding:
    """No reminder of a cart that was ordered.

    An order accepted before the quiet hour was over: none at all, however long anything took. An
    order later than that: none but what was on its way.
    """
    carts, bought = carts_of(evidence), _bought(evidence)
    wrong, after = [], 0
    for mail in evidence.messages:
        if step(mail)[0] != "abandoned-cart":
            continue
        sent = moment(mail["wall"])
        mine = [cart for cart in carts.get(address(mail), ()) if cart[1] < moment(mail["at"])]
        orders = [bought[cart] for cart, _ in mine if cart in bought]
        if len(orders) < len(mine) or not mine:
            continue  # another cart of theirs is still open; without any, see `has a cause`
        last, answered = max(orders)
        quiet_over = max(at for _, at in mine) + QUIET
        in_time = last + CLOCKS_WALL * evidence.speed < quiet_over
        after += sent > answered
        if in_time or sent > answered + ON_ITS_WAY_WALL:
            wrong.append(f"mail {mail['id']} ({'/'.join(step(mail))}) to {orders[-1][0]}'s buyer")
    told = f"{len(bought)} carts ordered, {after} mails were already on their way"
    return found("buyers left alone", told, wrong)


def carts_of(evidence: Evidence) -> dict[str, list[tuple[str, datetime]]]:
    """Address to carts, each with the time of its last event before an order."""
    last: dict[tuple[str, str], datetime] = {}
    for entry in live(evidence, "Product Added", "Checkout Started"):
        key = entry["email"].lower(), entry["facts"]["cart_id"]
        last[key] = max(moment(entry["at"]), last.get(key, moment(entry["at"])))
    carts = defaultdict(list)
    for (email, cart), at in last.items():
        carts[email].append((cart, at))
    return carts


def _bought(evidence: Evidence) -> dict[str, tuple[datetime, datetime]]:
    """Cart to its order: when it was accepted in business time (nearly), and on the wall."""
    lives = evidence.phase("lives")
    begin, wall = moment(lives["at"]), moment(lives["wall"])
    found_orders = {}
    for entry in live(evidence, "Order Completed"):
        answered = moment(entry["wall"])
        accepted = begin + (answered - wall) * evidence.speed
        cart = entry["facts"].get("cart_id", f"cart-{entry['person']}")
        found_orders[cart] = accepted, answered
    return found_orders


def live(evidence: Evidence, *names: str) -> Iterator[Json]:
    """Accepted events of the living shop."""
    return (e for e in evidence.accepted if e["origin"] == "live" and e["name"] in names)


def has_a_cause(evidence: Evidence) -> Finding:
    """The import mailed nobody: every mail goes back to what happened while the shop lived on."""
    begin = moment(evidence.phase("lives")["at"])
    joined = {e["email"].lower() for e in live(evidence, "identify") if e["consent"]}
    carts = carts_of(evidence)
    ordered: dict[str, list[datetime]] = defaultdict(list)
    for entry in evidence.accepted:
        if entry["name"] == "Order Completed":
            ordered[entry["email"].lower()].append(moment(entry["at"]))

    def silent(mail: Json) -> bool:
        ends = [at + SILENCE for at in ordered[address(mail)]]
        return any(begin <= end <= moment(mail["at"]) for end in ends)

    causes = {
        "welcome": lambda mail: address(mail) in joined,
        "abandoned-cart": lambda mail: address(mail) in carts,
        "win-back": silent,
    }
    wrong = [
        f"mail {mail['id']} ({'/'.join(step(mail))})"
        for mail in evidence.messages
        if not causes.get(step(mail)[0], lambda _: False)(mail)
    ]
    early = evidence.phase("lives")["mails"]
    wrong += [f"{early} mails before the shop lived on"] if early else []
    imported = sum(1 for entry in evidence.accepted if entry["origin"] == "import")
    return found("imports mail nobody", f"{imported} events imported, {early} mails by it", wrong)
