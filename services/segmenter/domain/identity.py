"""Who is this? Every identity points to one contact; a contact is named after its strongest one.

The rule. Identities that come together are one person's. Their contacts become one, and the
stronger stays: userId before e-mail before anonymousId. Two contacts of equal strength stay two,
because a device and a mail address can be shared; only an alias call makes two users one.
A public call (of a browser key, so anybody's) takes in contacts that are known by devices alone:
it never brings an address to a user or two users together. A device that it has brought somewhere
is claimed to be there: it joins nobody to anybody until the shop says the same.

Pure and total: no input raises, and doing nothing is an answer. For one person's events the end
is the same in whatever order they come (the tests hold it), so partitions may race.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .given import STRENGTH, Given, Identity

Contact = tuple[str, str]  # workspace, id


class Alias(NamedTuple):
    """An identity's row: the contact it points to, and the kind that contact is named after.

    `claimed`: by public calls alone; only ever a device.
    """

    identity: Identity
    contact: str
    contact_kind: str
    claimed: bool = False


class Merge(NamedTuple):
    """`loser` is from now on `winner`. `visible`: somebody may have heard of the loser.

    `claimed`: nobody but a public call says so.
    """

    workspace: str
    loser: str
    winner: str
    visible: bool
    claimed: bool = False


class Attribution(NamedTuple):
    """Whose event it is, and the merges that come before it. `claimed`: if the claim is true."""

    contact: str
    merges: tuple[Merge, ...]
    claimed: bool


@dataclass(slots=True)
class People:
    """The identities of a batch and where they point, as read, changed in memory.

    `unheard`: contacts made in this batch that no event was attributed to so far.
    `claimed`: devices that only public calls brought where they point; `confirmed`: no longer.
    A contact's id is a hash over the workspace, so it is unique over all workspaces.
    """

    points_to: dict[Identity, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    unheard: set[str] = field(default_factory=set)
    claimed: set[Identity] = field(default_factory=set)
    confirmed: set[Identity] = field(default_factory=set)
    merges: list[Merge] = field(default_factory=list)
    _pointed_by: dict[str, list[Identity]] = field(default_factory=dict)

    def know(self, aliases: Iterable[Alias], made: Iterable[str] = ()) -> None:
        """Take rows in; `made` are the contacts among them that this batch has inserted."""
        for alias in aliases:
            self.points_to[alias.identity] = alias.contact
            self.kinds[alias.contact] = alias.contact_kind
            self._pointed_by.setdefault(alias.contact, []).append(alias.identity)
            if alias.claimed:
                self.claimed.add(alias.identity)
        self.unheard.update(made)

    def joining(self, given: Iterable[Given]) -> set[Contact]:
        """The contacts that may merge: those that come together in an event.

        Not two users, unless an alias call says so: shared devices lock nobody.
        """
        found: set[Contact] = set()
        for each in given:
            counted = self._counted(each)
            contacts = {self.points_to[identity] for identity in counted}
            if len(contacts) > 1 and self._may_merge(each, contacts):
                found |= {(counted[0].workspace, contact) for contact in contacts}
        return found

    def attribute(self, given: Given) -> Attribution:
        """Merge what the call shows to be one person; say whose event it is."""
        done = len(self.merges)
        counted = self._counted(given)
        if not given.public:
            self._confirm(counted)
        if len({self.points_to[identity] for identity in counted}) > 1:
            self._same_user(given)
            self._same_person(counted, public=given.public)
        named = tuple(i for i in given.identities if i in counted) or given.identities
        contact = self._strongest(named)
        self.unheard.discard(contact)
        return Attribution(contact, tuple(self.merges[done:]), self.claimed.issuperset(named))

    def _counted(self, given: Given) -> tuple[Identity, ...]:
        """What the call can join: a claimed device counts for what others say too, else alone."""
        everything = (*given.identities, *given.before)
        if given.public or self.claimed.isdisjoint(everything):
            return everything
        said = {self.points_to[i] for i in everything if i not in self.claimed}
        counted = (i for i in everything if i not in self.claimed or self.points_to[i] in said)
        return tuple(counted) or everything[:1]

    def _confirm(self, counted: tuple[Identity, ...]) -> None:
        if len(counted) > 1:
            confirmed = self.claimed.intersection(counted)
            self.claimed -= confirmed
            self.confirmed |= confirmed

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

    def _same_person(self, identities: tuple[Identity, ...], *, public: bool) -> None:
        winner = self._strongest(identities)
        strength = self._strength(winner)
        if public:
            strength = min(strength, STRENGTH["email"])
        for identity in identities:
            contact = self._contact(identity)
            if self._strength(contact) < strength:
                self._merge(identity.workspace, contact, winner, claimed=public)

    def _strongest(self, identities: tuple[Identity, ...]) -> str:
        """Of equals, the contact of the identity that comes first, which is the strongest."""
        return max((self._contact(i) for i in identities), key=self._strength)

    def _contact(self, identity: Identity) -> str:
        return self.points_to[identity]

    def _strength(self, contact: str) -> int:
        return STRENGTH[self.kinds[contact]]

    def _merge(self, workspace: str, loser: str, winner: str, *, claimed: bool = False) -> None:
        if loser == winner:
            return
        moved = self._pointed_by.pop(loser, [])
        if claimed:
            self.claimed.update(moved)
        for identity in moved:
            self.points_to[identity] = winner
        self._pointed_by.setdefault(winner, []).extend(moved)
        self.merges.append(Merge(workspace, loser, winner, loser not in self.unheard, claimed))
