"""What people do in the shop while it lives on: one function a story, pure, seeded by `dice`.

Every story yields its calls in the order of time. What a person does about a mail is not here but
in `reader`, because nobody knows beforehand when the mail will come.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from deploy.local.shop import goods
from deploy.local.shop.calls import CART_REMINDERS, NEWSLETTER, Call, Known, identify, subscribed
from deploy.local.shop.calls import track as tell
from deploy.local.shop.goods import Cart
from deploy.local.shop.people import Person

Story = Callable[[Random, Person, datetime], Iterator[Call]]

NIGHT = range(1, 7)  # hours of local time in which people sleep


def chance(dice: Random, share: float) -> bool:
    return dice.random() < share


def awake(at: datetime, who: Person) -> datetime:
    """The same moment, or six hours later if it is night there."""
    asleep = at.astimezone(ZoneInfo(who.timezone)).hour in NIGHT
    return at + timedelta(hours=6) if asleep else at


def cart_of(who: Person, *, small: bool = False) -> Cart:
    """A person fills one cart while we look; mails about it and orders of it name it."""
    name = f"cart-{who.user_id}"
    if small:
        return goods.small_cart(name)
    return goods.some_cart(Random(name), name, who.currency)


def order_id(who: Person, what: str) -> str:
    return f"order-{who.user_id}-{what}"


def browses(dice: Random, who: Person, at: datetime, known: Known = "user") -> Iterator[Call]:
    for _ in range(dice.randint(1, 4)):
        yield tell(who, at, "Product Viewed", goods.seen(dice), known=known)
        at += timedelta(minutes=dice.randint(1, 9))


def joins(dice: Random, who: Person, at: datetime) -> Iterator[Call]:
    """A stranger looks around, signs up, and may order a day or so later."""
    yield from browses(dice, who, at, "device")
    at += timedelta(minutes=45)
    topics = (NEWSLETTER, CART_REMINDERS) if chance(dice, 0.7) else (NEWSLETTER,)
    yield identify(who, at, subscribed(*topics), known="both")
    if chance(dice, 0.22):
        cart = goods.some_cart(dice, f"{cart_of(who).id}-first", who.currency)
        later = awake(at + timedelta(minutes=dice.randint(240, 1800)), who)
        yield from _orders(who, later, cart, "first")


def joins_without_consent(dice: Random, who: Person, at: datetime) -> Iterator[Call]:
    """An account, but no wish for mails: nobody may write to them."""
    yield from browses(dice, who, at, "device")
    at += timedelta(minutes=45)
    yield identify(who, at, {NEWSLETTER: "never_subscribed"}, known="both")
    yield from _fills(cart_of(who), who, at + timedelta(minutes=5))


def leaves_cart(dice: Random, who: Person, at: datetime) -> Iterator[Call]:
    """Some remember the cart by themselves: within the hour, or a day after."""
    cart = cart_of(who)
    yield from _fills(cart, who, at)
    at += timedelta(minutes=len(cart.lines))
    if chance(dice, 0.4):
        at += timedelta(minutes=dice.randint(2, 20))
        yield tell(who, at, "Checkout Started", cart.checkout())
    comes_back = dice.choices(("soon", "later", "never"), (12, 20, 68))[0]
    if comes_back == "soon":
        at += timedelta(minutes=dice.randint(12, 35))
        yield tell(who, at, "Order Completed", cart.order(order_id(who, "soon")))
    elif comes_back == "later":
        at = awake(at + timedelta(minutes=dice.randint(300, 2700)), who)
        whole = cart.order(order_id(who, "later"), with_cart=chance(dice, 0.8))
        yield tell(who, at, "Order Completed", whole)


def leaves_cart_then_logs_in(dice: Random, who: Person, at: datetime) -> Iterator[Call]:
    """The cart is a stranger's until the login: two contacts become one."""
    cart = cart_of(who)
    yield from _fills(cart, who, at, "device")
    at += timedelta(minutes=dice.randint(10, 40))
    yield identify(who, at, known="both")
    if chance(dice, 0.25):
        at = awake(at + timedelta(minutes=dice.randint(300, 1800)), who)
        yield tell(who, at, "Order Completed", cart.order(order_id(who, "later")))


def leaves_cart_unknown(_: Random, who: Person, at: datetime) -> Iterator[Call]:
    """Nobody ever learns who it was."""
    yield from _fills(cart_of(who), who, at, "device")


def leaves_small_cart(_: Random, who: Person, at: datetime) -> Iterator[Call]:
    yield from _fills(cart_of(who, small=True), who, at)


def buys(dice: Random, who: Person, at: datetime) -> Iterator[Call]:
    """A cart and its order in one visit; one in eight sends it back."""
    cart = cart_of(who)
    yield from _fills(cart, who, at)
    at += timedelta(minutes=20)
    yield from _orders(who, at, cart, "live")
    if chance(dice, 0.12):
        at = awake(at + timedelta(hours=dice.randint(20, 40)), who)
        back = {"order_id": order_id(who, "live"), "currency": cart.currency}
        yield tell(who, at, "Order Refunded", back | {"total": str(cart.total)})


def posts_nonsense(_: Random, who: Person, at: datetime) -> Iterator[Call]:
    """A broken client: an order without an amount, of which only the refusal may be seen."""
    yield tell(who, at, "Order Completed", {"order_id": order_id(who, "broken")})


def falls_silent(dice: Random, who: Person, at: datetime) -> Iterator[Call]:
    """Ninety days since the last order end at about `at`; a few come back by themselves."""
    if chance(dice, 0.25):
        cart = goods.some_cart(dice, f"{cart_of(who).id}-back", who.currency)
        later = awake(at + timedelta(minutes=dice.randint(1080, 3600)), who)
        yield from _orders(who, later, cart, "back")


def returns(dice: Random, who: Person, at: datetime) -> Iterator[Call]:
    """Silent for long, and then an order."""
    yield from browses(dice, who, at)
    cart = goods.some_cart(dice, f"{cart_of(who).id}-back", who.currency)
    yield from _orders(who, at + timedelta(minutes=50), cart, "back")


def _fills(cart: Cart, who: Person, at: datetime, known: Known = "user") -> Iterator[Call]:
    for number, line in enumerate(cart.lines):
        when = at + timedelta(minutes=number)
        yield tell(who, when, "Product Added", cart.added(line), known=known)


def _orders(who: Person, at: datetime, cart: Cart, what: str) -> Iterator[Call]:
    yield tell(who, at, "Order Completed", cart.order(order_id(who, what)))
