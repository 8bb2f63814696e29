"""Hypothesis strategies: whatever may come for a contact, in whatever order, sane or not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from services.orchestrator.domain import Due, Effect, Input, Journeys, empty, transition
from services.orchestrator.domain.state import ContactState
from shared.contracts import (
    Consent,
    ContactEvent,
    ContactsMerged,
    DeliveryEvent,
    Event,
    Profile,
    SegmentChanged,
    Send,
)
from tests.unit.orchestrator.world import START, starter, written

EVERYTHING = """
journey: everything
topic: newsletter
trigger: {event: [Signed Up, Product Added], key: [cart_id], max_age: 3d}
reentry: every_time
exit_when: [{event: Order Completed, match: key}, {event: Left}]
goal: {event: Order Completed, within: 3d, value: revenue}
policy: {expires_after: 6h, quiet_hours: "22:00-06:00"}
steps:
  - {id: one, send: one}
  - id: seen
    wait_until: {event: Page Read, match: key}
    timeout: 12h
    then: [{id: two, send: two}]
  - id: kind
    branch:
      if: {email: clicked, step: one}
      then: [{id: bye, exit: clicked}]
      else: [{id: nap, delay: 30m}]
  - id: old
    wait_until: {trait: first_seen_at, older_than: 2d}
    timeout: 2d
  - id: chance
    random_split:
      - {variant: a, weight: 1, send: three}
      - {variant: b, weight: 1, steps: [{id: four, send: four}]}
      - {variant: c, weight: 1, holdout: true}
"""
URGENT = """
journey: urgent
topic: orders
transactional: true
trigger: {event: Order Completed, key: [order_id]}
reentry: {after_period: 1d}
steps: [{id: thanks, send: thanks}, {id: pause, delay: 2h}, {id: ask, send: ask}]
"""
EACH_CART = """
journey: each-cart
topic: orders
transactional: true
trigger: {event: [Product Added, Signed Up], key: [cart_id]}
reentry: {after_period: 2h, per_key: true}
steps: [{id: now, send: now}, {id: pause, delay: 1h}, {id: then, send: then}]
"""
JOURNEYS = (
    starter("abandoned-cart"),
    starter("welcome"),
    starter("win-back"),
    starter("quickstart-cart"),
    written(EVERYTHING),
    written(URGENT),
    written(EACH_CART),
)
RUNNING = Journeys(JOURNEYS)
WORLDS = (
    RUNNING,
    RUNNING,
    RUNNING,
    Journeys(JOURNEYS, paused=["everything", "abandoned-cart"]),
    Journeys(JOURNEYS[:3], pinned=[JOURNEYS[4]], archived={j.id: 1 for j in JOURNEYS[3:]}),
    Journeys(archived={journey.id: 1 for journey in JOURNEYS}),
    Journeys(JOURNEYS[:3]),  # the others cannot be read here, or have not come here yet
)

NAMES = ["Product Added", "Checkout Started", "Order Completed", "Signed Up", "Page Read", "Left"]
_few = st.sampled_from
_ago = _few([0, 0, 0, 1, 30, 90, 60 * 30, 60 * 24 * 40, -60])
_keys = st.fixed_dictionaries(
    {},
    optional={
        "cart_id": _few(["K", "L", 7, "", None, True, "x" * 300]),
        "checkout_id": _few(["C", "D", 7]),
        "order_id": _few(["1", "2"]),
        "value": _few([5, 50, "80", None]),
        "revenue": _few([5, "7.50", "much"]),
        "currency": _few(["EUR", "SEK", 5]),
        "name": _few(["Shirt", "Socks", 3]),
        "product_id": _few(["p1", "p2"]),
        "price": _few([10, "ten", None]),
        "quantity": _few([1, 2, -1, "3"]),
        "products": _few([[], [{"product_id": "p1"}], "all", [3]]),
    },
)
_agreed = _few(["subscribed", "subscribed", "subscribed", "unsubscribed", "pending"])
_profiles = st.builds(
    lambda email, state, zone, seen, broken: Profile(
        version=1,
        email=email,
        timezone=zone,
        traits={"first_seen_at": seen} if seen else {},
        consent={
            topic: Consent(state=state, at=START) for topic in ("newsletter", "cart-reminders")
        },
        aggregates=broken,
    ),
    _few(["maja@example.com", "maja@example.com", ""]),
    _agreed,
    _few(["Europe/Tallinn", "", "Mars/Base", "../etc", "Asia/Kolkata"]),
    _few(["", START.isoformat(), "soon"]),
    _few([{}, {}, {"x": 1}]),
)
_origins: Any = _few(["live", "live", "live", "live", "import", "replay"])


class Given(msgspec.Struct, frozen=True):
    """One thing that happens `after` the one before, in a world (an index of WORLDS)."""

    kind: str
    after: int  # minutes
    ago: int  # minutes
    name: str
    properties: dict[str, Any]
    profile: Profile
    origin: Any
    choice: int
    world: int


happenings = st.builds(
    Given,
    kind=_few(["event", "event", "event", "due", "due", "sent", "delivery", "segment", "merged"]),
    after=_few([0, 0, 1, 45, 60, 60 * 12, 60 * 24, 60 * 24 * 3]),
    ago=_ago,
    name=_few(NAMES),
    properties=_keys,
    profile=_profiles,
    origin=_origins,
    choice=st.integers(0, 20),
    world=st.integers(0, len(WORLDS) - 1),
)
histories = st.lists(happenings, max_size=25)
quiet_histories = st.lists(  # nothing is paused or archived, nobody is merged
    happenings.filter(lambda given: given.kind != "merged").map(
        lambda given: msgspec.structs.replace(given, world=0)
    ),
    max_size=20,
)

DELIVERIES: Any = ["Sent", "Skipped", "Failed", "Delivered", "Opened", "Clicked", "Bounced"]


class Told(msgspec.Struct, frozen=True):
    """One transition that was made."""

    before: ContactState
    given: Input
    now: datetime
    world: int
    after: ContactState
    effects: list[Effect]


def live(history: list[Given], contact: str = "c_1", *, door: str = "") -> list[Told]:
    """Let it all happen to one contact."""
    state, now, told = empty("default", contact), START, list[Told]()
    sends: list[Send] = []
    for number, happening in enumerate(history):
        now += timedelta(minutes=happening.after)
        given = _input(happening, contact, now, sends, f"{door}m{number}")
        after, effects = transition(state, given, WORLDS[happening.world], now)
        told.append(Told(state, given, now, happening.world, after, effects))
        sends += [effect for effect in effects if isinstance(effect, Send)]
        state = after
    return told


def _input(given: Given, contact: str, now: datetime, sends: list[Send], message: str) -> Input:
    if given.kind == "due":
        return Due(horizon=now - timedelta(minutes=given.ago), transactional=None)
    if given.kind == "merged":
        return ContactsMerged(workspace="default", loser=contact, winner="c_other", at=now)
    at = max(now - timedelta(minutes=given.ago), datetime(1971, 1, 1, tzinfo=UTC))
    facts: dict[str, Any] = {}
    if given.kind == "segment":
        name = ["subscribers", "at-risk"][given.choice % 2]
        change: Any = ["entered", "left"][given.choice // 2 % 2]
        back = given.choice % 5 == 0
        facts["segment"] = SegmentChanged(segment=name, change=change, at=at, backfill=back)
    elif given.kind in ("sent", "delivery") and sends:
        kind: Any = "Sent" if given.kind == "sent" else DELIVERIES[given.choice % len(DELIVERIES)]
        facts["delivery"] = DeliveryEvent(
            workspace="default",
            contact=contact,
            message=sends[-1 - given.choice % len(sends)].message,
            event=kind,
            at=at,
            received_at=now,
            origin=given.origin,
        )
        facts["verdict"] = ["human", "machine"][given.choice % 2]
    else:
        facts["event"] = Event(
            message_id=message,
            kind="track",
            name=given.name,
            at=at,
            received_at=now,
            properties=given.properties,
            origin=given.origin,
        )
    return ContactEvent(
        workspace="default",
        contact=contact,
        profile=given.profile,
        by_merge=given.choice % 7 == 5 and "segment" not in facts,
        **facts,
    )
