"""One contact and the orchestrator's core, told what happens hour by hour."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.orchestrator.domain import (
    ContactState,
    Decision,
    Due,
    Effect,
    Input,
    Journey,
    Journeys,
    empty,
    explain,
    transition,
    unpack,
    wakes_at,
)
from services.orchestrator.journey_files import load_journey_file
from shared.contracts import (
    Consent,
    ContactEvent,
    ContactsMerged,
    DeliveryEvent,
    Event,
    JourneyEvent,
    Profile,
    RunsHandedOver,
    SegmentChanged,
    Send,
    Withdraw,
    plain,
)

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
"""A Monday, 11:00 in Tallinn."""

ROOT = Path(__file__).parents[3]


def starter(name: str) -> Journey:
    (path,) = (ROOT / "starter").rglob(f"{name}.yaml")
    return load_journey_file(path.read_text(), path.name)


def written(text: str, version: int = 1) -> Journey:
    return load_journey_file(text, "test.yaml", version)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def profile(**fields: Any) -> Profile:
    """Somebody in Tallinn who has subscribed to everything."""
    agreed = Consent(state="subscribed", at=START - timedelta(days=30))
    given: dict[str, Any] = {
        "version": 7,
        "email": "maja@example.com",
        "timezone": "Europe/Tallinn",
        "traits": {"first_name": "Maja"},
        "consent": {"cart-reminders": agreed, "newsletter": agreed},
    }
    return Profile(**(given | fields))


class World:
    """`now` only moves forward; timers fire on the way, in the order in which they are due."""

    def __init__(self, *journeys: Journey, contact: str = "c_1", **fields: Any) -> None:
        self.journeys = Journeys(journeys)
        self.now = START
        self.state: ContactState = empty("default", contact)
        self.profile = profile(**fields)
        self.effects: list[Effect] = []
        self._count = 0
        self._by_merge = False

    def take(self, given: Input) -> list[Effect]:
        self.state, effects = transition(self.state, given, self.journeys, self.now)
        assert unpack(plain(self.state)) == self.state
        self.effects += effects
        return effects

    def event(
        self,
        name_: str,
        /,
        at: datetime | None = None,
        *,
        origin: Any = "live",
        received_at: datetime | None = None,
        **properties: Any,
    ) -> list[Effect]:
        """Something happened in the shop: now, or at `at` and heard of now."""
        self._count += 1
        event = Event(
            message_id=f"{self.state.contact}-m{self._count}",
            kind="track",
            name=name_,
            at=at or self.now,
            received_at=received_at or self.now,
            properties=properties,
            origin=origin,
        )
        return self._tell(event=event)

    def cart(self, cart: str, value: int = 50, **more: Any) -> list[Effect]:
        product = {"product_id": "p1", "name": "Shirt", "price": value}
        given = {"cart_id": cart, "value": value, "currency": "EUR", **product, **more}
        return self.event("Product Added", **given)

    def order(self, **properties: Any) -> list[Effect]:
        return self.event("Order Completed", **properties)

    def segment(self, name: str, change: Any = "entered", *, backfill: bool = False) -> None:
        segment = SegmentChanged(segment=name, change=change, at=self.now, backfill=backfill)
        self._tell(segment=segment)

    def delivery(
        self, event: Any, send: Send | None = None, *, verdict: Any = "human", **fields: Any
    ) -> list[Effect]:
        """What became of a mail; the newest, if not said otherwise."""
        mail = send or self.sends()[-1]
        delivery = DeliveryEvent(
            workspace="default",
            contact=self.state.contact,
            message=mail.message,
            event=event,
            run=mail.run,
            step=mail.step,
            **({"at": self.now, "received_at": self.now} | fields),
        )
        return self._tell(delivery=delivery, verdict=verdict)

    def _tell(self, **facts: Any) -> list[Effect]:
        given = ContactEvent(
            workspace="default",
            contact=self.state.contact,
            profile=self.profile,
            by_merge=self._by_merge,
            **facts,
        )
        return self.take(given)

    def merging(self, tell: Callable[[], Any]) -> None:
        """What `tell` tells has caused a merge into this contact, or came by way of one."""
        self._by_merge = True
        tell()
        self._by_merge = False

    def pass_time(self, span: timedelta, *, answer: bool = True) -> None:
        """Let time pass; every mail that is asked for is sent at once if `answer`."""
        end = self.now + span
        if answer:
            self.answer()
        while (wake := self.wake()) is not None and wake <= end:
            self.now = max(self.now, wake)
            self.take(Due(horizon=self.now))
            if answer:
                self.answer()
        self.now = end

    def wake(self) -> datetime | None:
        return min((at for at in wakes_at(self.state) if at is not None), default=None)

    def answer(self) -> None:
        """The sender's word for every mail that has none yet."""
        waiting = {m.message for run in self.state.runs for m in run.mails if not m.settled}
        for send in self.sends():
            if send.message in waiting:
                self.delivery("Sent", send)

    def pause(self, *ids: str) -> None:
        every = list(self.journeys.every())
        self.journeys = Journeys(every, paused=ids)

    # --- what came of it ------------------------------------------------------------------

    def sends(self) -> list[Send]:
        return [effect for effect in self.effects if isinstance(effect, Send)]

    def templates(self) -> list[str]:
        return [send.template for send in self.sends()]

    def withdrawn(self) -> list[str]:
        return [effect.message for effect in self.effects if isinstance(effect, Withdraw)]

    def told(self, kind: str) -> list[JourneyEvent]:
        events = [effect for effect in self.effects if isinstance(effect, JourneyEvent)]
        return [event for event in events if event.kind == kind]

    def reasons(self, kind: str) -> list[str]:
        return [event.reason for event in self.told(kind)]

    def decisions(self) -> list[Decision]:
        return [effect for effect in self.effects if isinstance(effect, Decision)]

    def words(self) -> str:
        return "\n".join(explain(self.decisions()))

    def merge_into(self, winner: "World") -> None:
        """This contact turns out to be the other one."""
        merged = ContactsMerged(
            workspace="default",
            loser=self.state.contact,
            winner=winner.state.contact,
            at=self.now,
        )
        for effect in self.take(merged):
            assert isinstance(effect, RunsHandedOver)
            winner.take(effect)
