"""Two doors, one contact: a person's events by userId and by anonymousId, on different partitions.

Ninety people, each an interleaving of its own, with logins in between, while segmenter and
orchestrator run as two processes each, some of which are killed on the way.
"""

import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from shared.contracts import ContactEvent, topics
from shared.contracts.keys import contact_id, identity_key
from shared.kafka.partitioner import partition_of
from tests.faults.making import Parts, place
from tests.faults.observing import PARTITIONS
from tests.faults.place import NOON, Keyed, Place
from tests.faults.story import MINUTE, added, identify, ordered, track

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
PEOPLE, CALLS, LATER, BURST, KILLS = 90, 14, 8, 60, 6
STAGES = ("identity", "profile", "orchestrator", "ledger", "feedback")
Who = dict[str, str]


@dataclass
class Person:
    """`doors`: user and device, on different partitions of store-events."""

    number: int
    doors: tuple[Who, Who]
    ids: list[str] = field(default_factory=list)
    later: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    carts: set[str] = field(default_factory=set)
    bought: set[str] = field(default_factory=set)

    @property
    def email(self) -> str:
        return f"p{self.number}@example.com"

    @property
    def contact(self) -> str:
        return contact_id("default", "user", self.doors[0]["user"])

    def new_id(self, door: str = "") -> str:
        self.ids.append(f"p{self.number}-{door}{len(self.ids)}")
        return self.ids[-1]

    def life(self, draw: random.Random) -> Iterator[Keyed]:
        """Carts filled by either door, some bought, an address, and logins between."""
        whole = {**self.doors[0], **self.doors[1]}
        logins = set(draw.sample(range(1, CALLS), 2))
        known = draw.randrange(CALLS)
        for turn in range(CALLS):
            door = draw.choice(self.doors)
            cart = f"cart-{self.number}-{draw.randrange(3)}"
            if turn == known:
                consent = ["cart-reminders"]
                yield identify(self.new_id(), NOON, self.doors[0], consent, email=self.email)
            if turn in logins:
                yield track(self.new_id(), NOON, "Product Viewed", whole)
            elif draw.random() < 0.15 and cart in self.carts:
                self.bought.add(cart)
                yield ordered(self.new_id(), NOON, cart, door, 30)
            elif cart not in self.bought:
                self.carts.add(cart)
                yield added(self.new_id(), NOON, cart, door)

    def later_on(self, draw: random.Random) -> Iterator[Keyed]:
        """By both doors, when the merge is long over."""
        for _ in range(LATER):
            name = draw.choice(["user", "device"])
            message = self.new_id(name)
            self.later[name].append(message)
            door = self.doors[0] if name == "user" else self.doors[1]
            yield track(message, NOON + 10 * MINUTE, "Product Viewed", door)


def people() -> list[Person]:
    """Whose doors are on different partitions."""
    found: list[Person] = []
    number = 0
    while len(found) < PEOPLE:
        number += 1
        keys = (
            identity_key("default", "user", f"u{number}"),
            identity_key("default", "anonymous", f"d{number}"),
        )
        if len({partition_of(key, PARTITIONS) for key in keys}) > 1:
            found.append(Person(number, ({"user": f"u{number}"}, {"device": f"d{number}"})))
    return found


def interleaved(draw: random.Random, lives: list[list[Keyed]]) -> Iterator[Keyed]:
    """All lives, each in its order."""
    turns = [i for i, life in enumerate(lives) for _ in life]
    draw.shuffle(turns)
    left = [iter(life) for life in lives]
    for i in turns:
        yield next(left[i])


@dataclass
class Lived:
    place: Place
    people: list[Person]
    kills: int


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lived(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lived]:
    """Up to the reminders of what was left in carts."""
    draw, everybody = random.Random(11), people()
    async with place(parts, tmp_path_factory.mktemp("doors")) as at:
        await at.up("sender")
        names = {
            f"{service} {n}": service for service in ("segmenter", "orchestrator") for n in "ab"
        }
        for name, service in names.items():
            await at.start(service, name=name, session_timeout="1", batch_size="40")
        calls = list(interleaved(draw, [list(person.life(draw)) for person in everybody]))
        bursts = [calls[i : i + BURST] for i in range(0, len(calls), BURST)]
        dangerous = set(draw.sample(range(len(bursts)), KILLS))
        for number, burst in enumerate(bursts):
            await at.produce(topics.STORE_EVENTS, burst)
            if number in dangerous:
                victim = draw.choice(sorted(names))
                await at.kill(victim)
                await at.start(names[victim], name=victim, session_timeout="1", batch_size="40")
        await at.settle(*STAGES)
        await at.clock_to(NOON + 10 * MINUTE)
        later = interleaved(draw, [list(person.later_on(draw)) for person in everybody])
        await at.produce(topics.STORE_EVENTS, later)
        await at.settle(*STAGES)
        await at.clock_to(NOON + 75 * MINUTE)
        await at.settle(*STAGES)
        yield Lived(at, everybody, len(dangerous))


async def test_nothing_is_lost_and_nothing_counts_twice(lived: Lived) -> None:
    rows = await lived.place.db.fetch(
        "SELECT message_id FROM segmenter.history WHERE kind = 'event'"
    )
    assert Counter(r["message_id"] for r in rows) == Counter(
        message for person in lived.people for message in person.ids
    )


async def test_both_doors_lead_to_the_users_contact(lived: Lived) -> None:
    rows = await lived.place.db.fetch("SELECT value, contact FROM segmenter.aliases")
    known = {row["value"]: row["contact"] for row in rows}
    for person in lived.people:
        names = [value for door in person.doors for value in door.values()]
        assert {known[name] for name in (*names, person.email)} == {person.contact}


async def test_one_run_for_a_cart_that_was_left_and_none_for_one_that_was_bought(
    lived: Lived,
) -> None:
    rows = await lived.place.db.fetch("SELECT contact, key FROM orchestrator.runs")
    left = [(p.contact, f"cart_id={cart}") for p in lived.people for cart in p.carts - p.bought]
    assert sorted((row["contact"], row["key"]) for row in rows) == sorted(left)


async def test_one_mail_for_each_of_these(lived: Lived) -> None:
    mails = Counter(mail["to"][0] for mail in await lived.place.mails())
    expected = {person.email: len(person.carts - person.bought) for person in lived.people}
    assert mails == Counter({email: n for email, n in expected.items() if n})


async def test_after_the_merge_each_doors_order_is_kept(lived: Lived) -> None:
    told = await lived.place.seen.messages(topics.CONTACT_EVENTS)
    seen: dict[str, None] = {}  # the first time of each; what is repeated later is dropped by all
    whose: dict[str, str] = {}
    for event in told:
        if isinstance(event, ContactEvent) and event.event is not None:
            seen.setdefault(event.event.message_id)
            whose.setdefault(event.event.message_id, event.contact)
    for person in lived.people:
        for messages in person.later.values():
            assert [m for m in seen if m in set(messages)] == messages
            assert {whose[m] for m in messages} == {person.contact}


async def test_orders_of_both_doors_are_one_persons(lived: Lived) -> None:
    last: dict[str, ContactEvent] = {}
    for event in await lived.place.seen.messages(topics.CONTACT_EVENTS):
        if isinstance(event, ContactEvent):
            last[event.contact] = event
    counts = {p.number: last[p.contact].profile.traits.get("orders_count", 0) for p in lived.people}
    assert counts == {p.number: len(p.bought) for p in lived.people}
