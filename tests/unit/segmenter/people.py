"""Worlds of people for the tests of identity, and the rows they would leave behind."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import strategies as st

from services.segmenter.domain.given import Given, Identity
from services.segmenter.domain.identity import Alias, Merge, People

SHOP = "shop"


@dataclass
class Rows:
    """What the table holds: identity -> contact, and each contact's kind by its own row."""

    contact: dict[Identity, str] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    went_to: list[str] = field(default_factory=list)
    claimed: set[Identity] = field(default_factory=set)

    def take(self, batch: Iterable[Given]) -> None:
        """One batch, as the stage does it: find or make, attribute, point to the winners."""
        batch = list(batch)
        wanted = {i for given in batch for i in (*given.identities, *given.before)}
        made = [i for i in wanted if i not in self.contact]
        self.contact.update({i: i.id for i in made})
        kinds = {i.id: i.kind for i in self.contact}
        people = People()
        people.know(
            [Alias(i, self.contact[i], kinds[self.contact[i]], i in self.claimed) for i in wanted],
            [i.id for i in made],
        )
        self.went_to += [people.attribute(given).contact for given in batch]
        for merge in people.merges:
            for identity, contact in self.contact.items():
                if contact == merge.loser:
                    self.contact[identity] = merge.winner
                    self.claimed |= {identity} if merge.claimed else set()
        self.claimed -= people.confirmed
        self.merges += people.merges


def user(n: object) -> Identity:
    return Identity(SHOP, "user", f"u{n}")


def email(n: object) -> Identity:
    return Identity(SHOP, "email", f"e{n}@example.com")


def device(n: object) -> Identity:
    return Identity(SHOP, "anonymous", f"a{n}")


def event(*identities: Identity) -> Given:
    return Given(identities)


def alias(now: Identity, before: Identity) -> Given:
    return Given((now,), (before, Identity(SHOP, "anonymous", before.value)))


@st.composite
def one_person(draw: st.DrawFn, number: int) -> list[Given]:
    """All that one person does: users joined by alias calls, addresses named with a user."""
    users = [user(f"{number}{x}") for x in range(draw(st.integers(0, 3)))]
    emails = [email(f"{number}{x}") for x in range(draw(st.integers(0, 3 if users else 1)))]
    devices = [device(f"{number}{x}") for x in range(draw(st.integers(0 if users else 1, 3)))]
    calls = [alias(now, before) for before, now in pairwise(users)]
    if len(users) > 1 and draw(st.booleans()):
        calls.append(alias(users[0], users[-1]))  # a circle
    calls += [event(draw(st.sampled_from(users)), address) for address in emails if users]

    def maybe(kind: list[Identity]) -> Identity | None:
        return draw(st.one_of(st.none(), st.sampled_from(kind))) if kind else None

    for _ in range(draw(st.integers(0, 8))):
        found = [i for i in map(maybe, (users, emails, devices)) if i is not None]
        if found:
            calls.append(Given(tuple(found)))
    return calls


@st.composite
def anything(draw: st.DrawFn) -> list[Given]:
    """Strangers on shared devices, shared addresses, alias calls in all directions."""
    few = st.integers(0, 3)
    calls = []
    for _ in range(draw(st.integers(1, 14))):
        makers = draw(st.lists(st.sampled_from([user, email, device]), min_size=1, unique=True))
        ordered = [m for m in (user, email, device) if m in makers]
        before = draw(st.one_of(st.none(), few))
        given = Given(tuple(m(draw(few)) for m in ordered))
        if before is not None and given.identities[0].kind == "user" and draw(st.booleans()):
            given = given._replace(before=(user(before), device(before)))
        calls.append(given)
    return calls
