"""Writes the golden histories anew: `python -m tests.unit.orchestrator.record`."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from services.orchestrator.domain import Effect, Input
from shared.contracts import encode
from tests.unit.orchestrator.test_golden import recorded
from tests.unit.orchestrator.world import World, hours, profile, starter

ALL = ("abandoned-cart", "welcome", "win-back", "quickstart-cart")


class Recorder(World):
    """A world that writes down what it is told and what came of it."""

    def __init__(self, *names: str, contact: str = "c_maja", **fields: Any) -> None:
        super().__init__(*[starter(name) for name in names], contact=contact, **fields)
        self.names = names
        self.steps: list[dict[str, Any]] = []

    def take(self, given: Input) -> list[Effect]:
        effects = super().take(given)
        self.steps.append(
            {
                "now": self.now,
                "given": {"type": type(given).__name__, "value": given},
                "effects": recorded(effects),
            }
        )
        return effects

    def write(self, name: str) -> None:
        history = {"journeys": self.names, "contact": self.state.contact, "steps": self.steps}
        path = Path(__file__).parent / "golden" / f"{name}.json"
        path.write_bytes(msgspec.json.format(encode(history), indent=1) + b"\n")


def reminded_and_bought() -> Recorder:
    world = Recorder("abandoned-cart")
    world.cart("K", url="https://fjord.example/p/shirt")
    world.pass_time(hours(0.5))
    world.event("Checkout Started", cart_id="K", checkout_id="C", value=59, currency="EUR")
    world.pass_time(hours(4))
    world.delivery("Delivered")
    world.delivery("Opened", verdict="machine")
    world.delivery("Clicked", link="https://fjord.example/cart")
    world.pass_time(hours(20))
    world.order(checkout_id="C", order_id="1", revenue=59, currency="EUR")
    world.pass_time(timedelta(days=5))
    return world


def bought_in_time() -> Recorder:
    world = Recorder("abandoned-cart", "quickstart-cart")
    world.cart("K")
    world.pass_time(hours(0.9))
    world.order(cart_id="K", order_id="1", revenue=50, currency="EUR")
    world.event("Product Added", at=world.now - hours(0.5), cart_id="K", value=10, currency="EUR")
    world.pass_time(timedelta(days=2))
    return world


def never_clicked() -> Recorder:
    world = Recorder("abandoned-cart")
    world.cart("K")
    world.cart("L", value=12)
    world.pass_time(timedelta(days=6))
    return world


def refused() -> Recorder:
    world = Recorder(*ALL, consent={})
    world.cart("K")
    world.segment("at-risk")
    world.pass_time(hours(2))
    world.profile = profile(email="")
    world.cart("L")
    world.pass_time(hours(2))
    world.event("Product Added", at=world.now - hours(30), cart_id="M", value=50, currency="EUR")
    return world


def welcomed() -> Recorder:
    world = Recorder("welcome", "win-back")
    world.segment("subscribers")
    world.pass_time(hours(26))
    world.delivery("Clicked")
    world.pass_time(timedelta(days=2))
    world.segment("at-risk")
    world.pass_time(hours(1))
    world.order(order_id="1", total=Decimal("20.50"), currency="EUR")
    world.segment("subscribers")
    return world


def merged() -> Recorder:
    world, anon = Recorder("abandoned-cart"), Recorder("abandoned-cart", contact="c_anon")
    for door in (anon, world):
        door.cart("K")
        door.pass_time(hours(1.5), answer=door is anon)
    anon.cart("L", product_id="p2", name="Socks")
    anon.merge_into(world)
    world.pass_time(timedelta(days=4))
    return world


HISTORIES: dict[str, Callable[[], Recorder]] = {
    "reminded-and-bought": reminded_and_bought,
    "bought-in-time": bought_in_time,
    "never-clicked": never_clicked,
    "refused": refused,
    "welcomed": welcomed,
    "merged": merged,
}

if __name__ == "__main__":
    for name, tell in HISTORIES.items():
        tell().write(name)
