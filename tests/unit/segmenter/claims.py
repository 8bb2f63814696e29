"""Secret and public calls through identity and profile in memory, as the stages run them."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from hypothesis import strategies as st

from services.segmenter.domain.definitions import of
from services.segmenter.domain.identity import Alias, People
from services.segmenter.domain.snapshot import email_of
from services.segmenter.domain.steps import Forward
from services.segmenter.identity_stage import Told as Understood
from services.segmenter.identity_stage import identified, understood
from shared.contracts import ContactsMerged, ProfileHandedOver, StoreEvent, encode
from tests.unit.segmenter.people import SHOP, Rows
from tests.unit.segmenter.shop import NOON, SECOND, Told

NOTHING = of([])
USERS, EMAILS, DEVICES = ("u0", "u1", "null"), ("a@x.example", "b@x.example"), ("d0", "d1", "d2")


def call(number: int, said: dict[str, Any], *, public: bool) -> StoreEvent:
    at = NOON + number * SECOND
    return StoreEvent(
        workspace=SHOP,
        message_id=f"m{number}",
        received_at=at,
        event=msgspec.Raw(encode({"timestamp": at, **said})),
        public=public,
    )


@dataclass
class Shop:
    """Who is who, and every contact's profile."""

    rows: Rows = field(default_factory=Rows)
    profiles: dict[str, Told] = field(default_factory=dict)
    calls: int = 0

    def hears(self, said: dict[str, Any], *, public: bool = False) -> None:
        self.calls += 1
        told = understood(call(self.calls, said, public=public))
        for out in self._identified(told):
            message = out.message
            merged = isinstance(message, ContactsMerged)
            self._profile(message.loser if merged else message.contact, message)

    def emails(self) -> dict[str, str]:
        """Of all contacts that are still one, by id; empty if it has none."""
        return {
            contact: email_of(self.profiles[contact].state) if contact in self.profiles else ""
            for contact in set(self.rows.contact.values())
        }

    def _identified(self, told: Understood) -> list[Any]:
        given, contact = told.given, self.rows.contact
        wanted = (*given.identities, *given.before)
        made = {i.id for i in wanted if i not in contact}
        contact |= {i: i.id for i in wanted if i not in contact}
        kinds = {i.id: i.kind for i in contact}
        people = People()
        claimed = self.rows.claimed
        people.know([Alias(i, c, kinds[c], i in claimed) for i, c in contact.items()], made)
        locked = {c for _, c in people.joining([given])}
        messages = identified(people, told)
        assert {c for m in people.merges for c in (m.loser, m.winner)} <= locked
        contact.update(people.points_to)
        self.rows.claimed = people.claimed
        return messages

    def _profile(self, contact: str, message: Any) -> None:
        told = self.profiles.setdefault(contact, Told.of(contact, NOTHING))
        told.state = msgspec.structs.replace(told.state, workspace=SHOP)
        before = len(told.effects)
        received = message.event.received_at if hasattr(message, "event") else message.at
        told.turn(message, received)
        for effect in told.effects[before:]:
            if isinstance(effect, ProfileHandedOver):
                self._profile(effect.contact, effect)
            elif isinstance(effect, Forward):
                self._profile(effect.contact, effect.message)


def _maybe(values: tuple[str, ...]) -> st.SearchStrategy[str | None]:
    return st.sampled_from((None, None, *values))


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """Any call, with an address in any of its places, or a word there that is none."""
    said: dict[str, Any] = {"type": draw(st.sampled_from(["identify", "track", "alias"]))}
    email = draw(st.sampled_from((None, *EMAILS, *EMAILS, "A@X.example", "no address", 7)))
    place = draw(st.sampled_from(["traits", "context", "properties"]))
    if email is not None:
        holder = {"email": email}
        said |= {"context": {"traits": holder}} if place == "context" else {place: holder}
    if user := draw(_maybe(USERS)):
        said["userId"] = user
    if device := draw(_maybe(DEVICES)):
        said["anonymousId"] = device
    if said["type"] == "alias":
        said["previousId"] = draw(st.sampled_from((*USERS, *EMAILS, *DEVICES)))
    if not {"userId", "anonymousId"} & said.keys() and email not in EMAILS:
        said["anonymousId"] = "d0"
    return said
