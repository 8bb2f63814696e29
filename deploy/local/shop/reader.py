"""What people, and machines on their way, do about a mail: pure, drawn by seed, person and step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

from deploy.local.shop import goods, stories
from deploy.local.shop.calls import Call, track
from deploy.local.shop.people import Person

APPLE = "Mozilla/5.0"  # Mail Privacy Protection fetches the images of all mails
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36"
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"

# What there is, and how many of a hundred.
_HABITS = ("apple", "gmail", "browser", "scanned", "scanned by stealth"), (30, 38, 22, 5, 5)
_ANSWERS = (
    ("nothing", "open", "click", "buy", "unsubscribe", "complain"),
    (40, 33.6, 14, 9, 3, 0.4),
)

Did = Literal["open", "click", "unsubscribe", "complain"]


@dataclass(frozen=True, slots=True)
class Mail:
    """As the SES endpoint recorded it; `delivered_at` is business time."""

    id: str
    to: str
    tags: Mapping[str, str]
    links: tuple[str, ...]
    delivered_at: datetime

    @property
    def journey(self) -> str:
        return self.tags.get("journey", "")

    @property
    def step(self) -> str:
        return self.tags.get("step", "")


@dataclass(frozen=True, slots=True)
class Deed:
    """`by` is the truth, which Tuvi has to find out."""

    at: datetime
    person: Person
    mail: str
    did: Did
    by: Literal["human", "machine"] = "human"
    link: str = ""
    user_agent: str = BROWSER


@dataclass(slots=True)
class Readers:
    """`by_email`: who may be written to. `buyers`: who orders anyway, so not because of a mail."""

    seed: int
    by_email: Mapping[str, Person]
    buyers: set[str] = field(default_factory=set)

    def react(self, mail: Mail, now: datetime) -> list[Deed | Call]:
        """`now`: when it is found in the inbox; nobody reads a mail before."""
        who = self.by_email.get(mail.to.lower())
        if who is None:
            return []
        dice = Random(f"reads {self.seed} {who.user_id} {mail.journey} {mail.step}")
        habit = Random(f"habit {self.seed} {who.user_id}").choices(*_HABITS)[0]
        begin = max(now, mail.delivered_at)
        return [*_machines(who, mail, dice, habit), *self._person(who, mail, dice, habit, begin)]

    def _person(
        self, who: Person, mail: Mail, dice: Random, habit: str, begin: datetime
    ) -> Iterator[Deed | Call]:
        does = dice.choices(*_ANSWERS)[0]
        at = begin + timedelta(minutes=12 + min(dice.expovariate(1 / 100), 480))
        if does == "nothing":
            return
        if habit != "apple":  # whose machine has fetched the images already
            agent = GMAIL if habit == "gmail" else BROWSER
            yield Deed(at, who, mail.id, "open", user_agent=agent)
        at += timedelta(minutes=dice.randint(2, 15))
        if does == "unsubscribe":
            yield Deed(at, who, mail.id, "unsubscribe")
        elif does == "complain":
            yield Deed(at, who, mail.id, "complain")
        elif does in ("click", "buy") and (link := _shop_link(mail)):
            yield Deed(at, who, mail.id, "click", link=link)
            if does == "buy" and who.user_id not in self.buyers:
                self.buyers.add(who.user_id)
                at += timedelta(minutes=dice.randint(25, 200))
                order = _order(who, mail, at)
                yield order
                if stories.chance(dice, 0.2):
                    yield _refund(who, order, at + timedelta(hours=dice.randint(6, 30)))


def _machines(who: Person, mail: Mail, dice: Random, habit: str) -> Iterator[Deed]:
    """Apple's prefetch; and scanners, some of which hide who they are but not how fast."""
    if habit == "apple":
        at = mail.delivered_at + timedelta(minutes=dice.randint(1, 30))
        yield Deed(at, who, mail.id, "open", "machine", user_agent=APPLE)
    if habit in ("scanned", "scanned by stealth") and mail.links:
        at = mail.delivered_at + timedelta(seconds=1)
        agent = SCANNER if habit == "scanned" else BROWSER
        yield Deed(at, who, mail.id, "click", "machine", mail.links[0], agent)


def _shop_link(mail: Mail) -> str:
    """What a person is drawn to: the shop, not the way out; nobody sees a hidden link."""
    ways = [link for link in mail.links if "/u/" not in link and "tuvi_hidden" not in link]
    return ways[0] if ways else ""


def _order(who: Person, mail: Mail, at: datetime) -> Call:
    cart = stories.cart_of(who)
    if mail.journey != "abandoned-cart":
        name = f"{cart.id}-{mail.step}"
        cart = goods.some_cart(Random(name), name, who.currency)
    order = cart.order(stories.order_id(who, f"after-{mail.step}"))
    return track(who, at, "Order Completed", order)


def _refund(who: Person, order: Call, at: datetime) -> Call:
    """One thing of the order goes back."""
    bought = order.body["properties"]
    back = {"order_id": bought["order_id"], "currency": bought["currency"]}
    return track(who, at, "Order Refunded", back | {"total": bought["products"][0]["price"]})


def mail_from(message: Mapping[str, Any], delivered_at: datetime) -> Mail:
    """From a line of the SES endpoint's record."""
    return Mail(
        id=message["id"],
        to=message["to"][0],
        tags=message["tags"],
        links=tuple(message["links"]),
        delivered_at=delivered_at,
    )
