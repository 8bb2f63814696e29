"""Who is this? Every identity points to one contact; a contact is named after its strongest one.

The rule. Identities that come together are one person's. Their contacts become one, and the
stronger stays: userId before e-mail before anonymousId. Two contacts of equal strength stay two,
because a device and a mail address can be shared; only an alias call makes two users one.
A public call (of a browser key, so anybody's) takes in contacts that are known by devices alone:
it never brings an address to a user or two users together.

Pure and total: no input raises, and doing nothing is an answer. For one person's events the end
is the same in whatever order they come (the tests hold it), so partitions may race.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .given import STRENGTH, Given, Identity

Contact = tuple[str, str]  # workspace, id


class Alias(NamedTuple):
    """An identity's row: the contact it points to, and the kind that contact is named after."""

    identity: Identity
    contact: str
    contact_kind: str


class Merge(NamedTuple):
    """`loser` is from now on `winner`. `visible`: somebody may have heard of the loser."""

    workspace: str
    loser: str
    winner: str
    visible: bool


class Attribution(NamedTuple):
    """Whose event it is, and the merges that come before it."""

    contact: str
    merges: tuple[Merge, ...]


@dataclass(slots=True)
class People:
    """The identities of a batch and where they point, as read, changed in memory.

    `unheard`: contacts made in this batch that no event was attributed to so far.
    A contact's id is a hash over the workspace, so it is unique over all workspaces.
    """

    points_to: dict[Identity, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    unheard: set[str] = field(default_factory=set)
    merges: list[Merge] = field(default_factory=list)
    _pointed_by: dict[str, list[Identity]] = field(default_factory=dict)

    def know(self, aliases: Iterable[Alias], made: Iterable[str] = ()) -> None:
        """Take rows in; `made` are the contacts among them that this batch has inserted."""
        for alias in aliases:
            self.points_to[alias.identity] = alias.contact
            self.kinds[alias.contact] = alias.contact_kind
            self._pointed_by.setdefault(alias.contact, []).append(alias.identity)
        self.unheard.update(made)

    def joining(self, given: Iterable[Given]) -> set[Contact]:
        """The contacts that may merge: those that come together in an event.

        Not two users, unless an alias call says so: shared devices lock nobody.
        """
        found: set[Contact] = set()
        for each in given:
            everything = (*each.identities, *each.before)
            contacts = {self.points_to[identity] for identity in everything}
            if len(contacts) > 1 and self._may_merge(each, contacts):
                found |= {(everything[0].workspace, contact) for contact in contacts}
        return found

    def attribute(self, given: Given) -> Attribution:
        """Merge what the call shows to be one person; say whose event it is."""
        done = len(self.merges)
        everything = (*given.identities, *given.before)
        if len({self.points_to[identity] for identity in everything}) > 1:
            self._same_user(given)
            self._same_person(given)
        contact = self._strongest(given.identities)
        self.unheard.discard(contact)
        return Attribution(contact, tuple(self.merges[done:]))

    def _may_merge(self, given: Given, contacts: set[str]) -> bool:
        kinds = {self.kinds[contact] for contact in contacts}
        if given.public:
            return "anonymous" in kinds and len(kinds) > 1
        return bool(given.before) or kinds != {"user"}

    def _same_user(self, given: Given) -> None:
        """An alias call: the contacts of both userIds become one."""
        users = [i for i in (*given.identities[:1], *given.before) if i.kind == "user"]
        if given.before and len(users) > 1:
            winner = min(self._contact(user) for user in users)  # any, but always the same
            for user in users:
                self._merge(user.workspace, self._contact(user), winner)

    def _same_person(self, given: Given) -> None:
        identities = (*given.identities, *given.before)
        winner = self._strongest(identities)
        strength = self._strength(winner)
        least = STRENGTH["email"] if given.public else strength
        for identity in identities:
            contact = self._contact(identity)
            if self._strength(contact) < min(strength, least):
                self._merge(identity.workspace, contact, winner)

    def _strongest(self, identities: tuple[Identity, ...]) -> str:
        """Of equals, the contact of the identity that comes first, which is the strongest."""
        return max((self._contact(i) for i in identities), key=self._strength)

    def _contact(self, identity: Identity) -> str:
        return self.points_to[identity]

    def _strength(self, contact: str) -> int:
        return STRENGTH[self.kinds[contact]]

    def _merge(self, workspace: str, loser: str, winner: str) -> None:
        if loser == winner:
            return
        moved = self._pointed_by.pop(loser, [])
        for identity in moved:
            self.points_to[identity] = winner
        self._pointed_by.setdefault(winner, []).extend(moved)
        self.merges.append(Merge(workspace, loser, winner, loser not in self.unheard))
