"""A hundred and twenty days before the shop lives on: pure, one list of calls a person."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from deploy.local.shop import goods
from deploy.local.shop.calls import CART_REMINDERS, NEWSLETTER, Call, identify, subscribed, track
from deploy.local.shop.people import Person

DAYS = 120
RECENT_DAYS = 84  # ordinary customers have ordered since, so that silence is a story of its own
SILENCE = timedelta(days=90)

_CONSENTS = (
    ((NEWSLETTER, CART_REMINDERS), 58),
    ((NEWSLETTER,), 14),
    ((CART_REMINDERS,), 12),
    ((), 16),
)


def ordinary(seed: int, who: Person, end: datetime) -> list[Call]:
    """Signed up some time, looked around, may have ordered."""
    dice = Random(f"history {seed} {who.number}")
    topics = dice.choices([row[0] for row in _CONSENTS], [row[1] for row in _CONSENTS])[0]
    since = end - timedelta(days=dice.uniform(RECENT_DAYS, DAYS - 1))
    calls = [identify(who, since, subscribed(*topics))]
    for number in range(dice.choices((0, 1, 2, 4), (40, 30, 20, 10))[0]):
        at = end - timedelta(days=dice.uniform(1.5, RECENT_DAYS - 1))
        calls += _bought(dice, who, at, number)
    for _ in range(dice.randint(1, 4)):
        at = end - timedelta(days=dice.uniform(0.1, RECENT_DAYS - 1))
        calls.append(track(who, at, "Product Viewed", goods.seen(dice)))
    return sorted(calls, key=lambda call: call.at)


def consenting(seed: int, who: Person, end: datetime) -> list[Call]:
    """Ordinary, and wants all mails."""
    return [*_agreed(ordinary(seed, who, end), who)]


def loyal(seed: int, who: Person, end: datetime, last_order: datetime) -> list[Call]:
    """Good customers: four orders, the last one at `last_order`."""
    dice = Random(f"loyal {seed} {who.number}")
    since = end - timedelta(days=DAYS - 1)
    calls = [identify(who, since, subscribed(NEWSLETTER, CART_REMINDERS))]
    span = last_order - since
    for number in range(3):
        at = since + span * ((number + 0.5) / 4)
        calls += _bought(dice, who, at, number)
    return calls + _bought(dice, who, last_order, 3)


def _bought(dice: Random, who: Person, at: datetime, number: int) -> list[Call]:
    cart = goods.some_cart(dice, f"cart-{who.user_id}-then-{number}", who.currency)
    order = cart.order(f"order-{who.user_id}-then-{number}")
    return [
        track(who, at - timedelta(minutes=25), "Product Viewed", goods.seen(dice)),
        track(who, at - timedelta(minutes=15), "Product Added", cart.added(cart.lines[0])),
        track(who, at, "Order Completed", order),
    ]


def _agreed(calls: list[Call], who: Person) -> Iterator[Call]:
    for call in calls:
        if call.body["type"] == "identify":
            yield identify(who, call.at, subscribed(NEWSLETTER, CART_REMINDERS))
        else:
            yield call
