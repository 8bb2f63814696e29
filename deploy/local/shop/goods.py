"""What is sold: a small catalogue, carts of it, and what an order of a cart says."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

SHOP = "https://fjord.example"

# Name, category, price in euros.
_PRODUCTS = (
    ("Linen shirt, sand", "clothing", "49.00"),
    ("Wool socks, 2 pairs", "clothing", "24.50"),
    ("Rain jacket, moss", "clothing", "129.00"),
    ("Merino jumper, grey", "clothing", "89.90"),
    ("Oak cutting board", "kitchen", "39.00"),
    ("Cast-iron pan, 26 cm", "kitchen", "64.00"),
    ("Stoneware bowls, set of 4", "kitchen", "54.50"),
    ("Pepper mill, ash", "kitchen", "32.00"),
    ("Beeswax candle", "home", "12.90"),
    ("Wool blanket, fjord blue", "home", "119.00"),
    ("Linen napkins, 6", "home", "36.00"),
    ("Enamel lantern", "outdoor", "45.00"),
    ("Steel bottle, 0.7 l", "outdoor", "28.00"),
    ("Birch sauna ladle", "outdoor", "22.00"),
)
_CHEAP = 8  # the only one under the 20 euros that the cart journey asks for
_SHIPPING = Decimal("4.90")


@dataclass(frozen=True, slots=True)
class Cart:
    """Lines are products as Segment's events carry them: id, name, category, price, quantity."""

    id: str
    currency: str
    lines: tuple[dict[str, Any], ...]

    @property
    def total(self) -> Decimal:
        return sum((Decimal(line["price"]) * line["quantity"] for line in self.lines), Decimal(0))

    def added(self, line: dict[str, Any]) -> dict[str, Any]:
        """Properties of Product Added."""
        return {"cart_id": self.id, "currency": self.currency, **line}

    def checkout(self) -> dict[str, Any]:
        """Properties of Checkout Started: from here on cart and checkout are one story."""
        return {
            "cart_id": self.id,
            "checkout_id": f"checkout-{self.id}",
            "currency": self.currency,
            "value": str(self.total),
            "products": list(self.lines),
        }

    def order(self, order_id: str, *, with_cart: bool = True) -> dict[str, Any]:
        """Properties of Order Completed; `revenue` is without shipping."""
        named = {"cart_id": self.id} if with_cart else {}
        return {
            "order_id": order_id,
            **named,
            "currency": self.currency,
            "revenue": str(self.total),
            "shipping": str(_SHIPPING),
            "total": str(self.total + _SHIPPING),
            "products": list(self.lines),
        }


def some_cart(dice: Random, cart_id: str, currency: str = "EUR") -> Cart:
    """One to three products, worth 20 euros or more."""
    numbers = dice.sample([n for n in range(len(_PRODUCTS)) if n != _CHEAP], dice.choice((1, 2, 3)))
    return Cart(cart_id, currency, tuple(product(n, dice.choice((1, 1, 1, 2))) for n in numbers))


def small_cart(cart_id: str) -> Cart:
    """Worth less than the cart journey asks for."""
    return Cart(cart_id, "EUR", (product(_CHEAP, 1),))


def product(number: int, quantity: int) -> dict[str, Any]:
    name, category, price = _PRODUCTS[number]
    slug = name.partition(",")[0].lower().replace(" ", "-")
    return {
        "product_id": f"p-{number + 1}",
        "name": name,
        "category": category,
        "price": price,
        "quantity": quantity,
        "url": f"{SHOP}/p/{slug}",
        "image_url": f"{SHOP}/images/{slug}.jpg",
    }


def seen(dice: Random) -> dict[str, Any]:
    """Properties of Product Viewed."""
    return product(dice.randrange(len(_PRODUCTS)), 1)
