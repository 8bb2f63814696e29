"""Random lives of contacts, and the definitions they are lived under."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from services.segmenter.domain.definitions import Definitions, of
from services.segmenter.domain.profile import fresh, transition
from services.segmenter.domain.state import ContactState
from services.segmenter.domain.steps import Due, Effect, Input
from shared.contracts import (
    ContactEvent,
    Definition,
    DeliveryEvent,
    Event,
    IdentifiedEvent,
    SegmentChanged,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def segment(name: str, who: dict[str, Any], revision: int = 1) -> Definition:
    body = {"segment": name, "who": who}
    return Definition(
        workspace="default", kind="segment", id=name, version=1, revision=revision, body=body
    )


BOUGHT = {"event": "Order Completed"}
AT_RISK = segment("at-risk", {"all": [BOUGHT, {"not": {**BOUGHT, "in_last": "9d"}}]})
ALL = of(
    [
        AT_RISK,
        segment("subscribers", {"consent": {"topic": "news", "is": "subscribed"}}, 2),
        segment("big", {"trait": "revenue_total", "gte": 50, "currency": "EUR"}, 3),
        segment("often", {**BOUGHT, "count": {"gte": 2}, "in_last": "5d"}, 4),
        segment("clickers", {"email": "clicked", "in_last": "3d"}, 5),
        segment("both", {"all": [{"segment": "big"}, {"not": {"segment": "often"}}]}, 6),
        segment("active", {"trait": "last_active_at", "in_last": "2d"}, 7),
    ]
)

moments = st.integers(0, 20 * 24).map(lambda hours: NOON + timedelta(hours=hours))
amounts = st.sampled_from([Decimal(10), Decimal("19.99"), Decimal(60), None])
consents = st.sampled_from(["subscribed", "unsubscribed", "pending", "never_subscribed"])
traits: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "city": st.sampled_from(["Tartu", "Oslo", None]),
        "locale": st.sampled_from(["en", None]),
        "email": st.sampled_from(["a@example.com", "b@example.com"]),
        "consent": consents.map(lambda state: {"news": {"state": state}}),
    },
)
orders = st.builds(
    lambda name, order, revenue, currency: (
        name,
        {"order_id": order, "revenue": revenue, "currency": currency},
    ),
    st.sampled_from(["Order Completed", "Order Completed", "Order Refunded", "Order Cancelled"]),
    st.sampled_from(["o1", "o2", "o3"]),
    amounts,
    st.sampled_from(["EUR", "SEK", None]),
)


choices = st.sampled_from([{}, {"locale": "de"}, {"locale": "fr", "email_frequency": "less"}])


@st.composite
def store_events(draw: st.DrawFn, number: int) -> Event:
    at = draw(moments)
    name, properties = draw(st.one_of(orders, st.just(("Product Viewed", {})), st.just(("", {}))))
    return Event(
        message_id=f"m{number}",
        kind="track" if name else "identify",
        name=name,
        at=at,
        received_at=at + draw(st.sampled_from([timedelta(0), SECOND, 3 * DAY])),
        properties=properties,
        traits={} if name else draw(traits),
    )


@st.composite
def delivery_events(draw: st.DrawFn, number: int, what: Iterable[str]) -> DeliveryEvent:
    at = draw(moments)
    return DeliveryEvent(
        workspace="default",
        contact="c",
        message=f"mail{number}",
        event=draw(st.sampled_from(sorted(what))),
        at=at,
        received_at=at + SECOND,
        topic=draw(st.sampled_from(["news", "carts", ""])),
        source=draw(st.sampled_from(["link", "preferences", "double_opt_in"])),
        traits=draw(choices),
        user_agent=draw(st.sampled_from(["", "Mozilla/5.0", "curl/8"])),
    )


ONE_WAY = ("Sent", "Delivered", "Clicked", "Opened", "Bounced", "Complained", "Unsubscribed")
CHOSEN = ("Subscribed", "PreferencesChanged")


@st.composite
def lives(draw: st.DrawFn) -> list[Event | DeliveryEvent]:
    """Each delivery event is of a mail of its own, which was delivered a day before a click: so
    its verdict depends on nothing else.
    """
    size = draw(st.integers(0, 12))
    one = [st.one_of(store_events(i), delivery_events(i, (*ONE_WAY, *CHOSEN))) for i in range(size)]
    life: list[Event | DeliveryEvent] = []
    for happened in [draw(strategy) for strategy in one]:
        if isinstance(happened, DeliveryEvent) and happened.event == "Clicked":
            at, came = happened.at - DAY, happened.received_at - DAY
            life.append(replace(happened, event="Delivered", at=at, received_at=came))
        life.append(happened)
    return life


@dataclass
class Told:
    """A contact on its way: its state, and what was said of it."""

    state: ContactState
    effects: list[Effect]
    definitions: Definitions

    @classmethod
    def of(cls, contact: str = "c", definitions: Definitions = ALL) -> "Told":
        return cls(fresh("default", contact, definitions), [], definitions)

    def takes(self, *inputs: Event | DeliveryEvent) -> "Told":
        for given in inputs:
            now = given.received_at
            message: Input = (
                IdentifiedEvent(workspace="default", contact=self.state.contact, event=given)
                if isinstance(given, Event)
                else given
            )
            self._turn(message, now)
        return self

    def waits(self, until: datetime) -> "Told":
        self._turn(Due(), until)
        return self

    def turn(self, given: Input, now: datetime) -> "Told":
        self._turn(given, now)
        return self

    def _turn(self, given: Input, now: datetime) -> None:
        self.state, effects = transition(self.state, given, self.definitions, now)
        self.effects += effects

    def changes(self) -> list[SegmentChanged]:
        found = [e.segment for e in self.effects if isinstance(e, ContactEvent)]
        return [change for change in found if change is not None]


def essence(state: ContactState) -> dict[str, Any]:
    """What must not depend on the order: all but when segments were looked at."""
    return {
        "given": state.given,
        "consent": state.consent,
        "recent": state.orders.recent,
        "totals": state.orders.totals,
        "seen": state.seen,
        "aggregates": state.aggregates,
        "segments": set(state.segments),
        "due": state.due,
    }
