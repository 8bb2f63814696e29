"""Events: what happened in the shop, to a mail, and to a contact. Past tense, facts only.

Source of the names: Segment's specification (e-commerce v2), Amazon SES's event types.
Times: `at` is when it happened (the client's or provider's word), `received_at` when ingest took
it, both in business time, aware UTC.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from shared.contracts.codec import Message
from shared.contracts.profile import Profile

Origin = Literal["live", "import", "replay"]
Verdict = Literal["human", "machine"]


class StoreEvent(Message, frozen=True, kw_only=True, omit_defaults=True):
    """store-events: one call of a shop, the body kept byte for byte (`event`, Segment's format).

    Key: `identity_key(...)`. An `import` builds state and starts, wakes and sends nothing.
    `sent_at`: when its batch left, by the client's own clock, if that was said.
    `via`: which door it came by: a key's visible prefix, `shopify/main`, `form/newsletter`.
    `public`: by a key that everybody can read in a browser, so no word of the shop's own.
    """

    message_id: str
    received_at: datetime
    event: msgspec.Raw
    origin: Origin = "live"
    sent_at: datetime | None = None
    via: str = ""
    public: bool = False


class RawEvent(Message, frozen=True, kw_only=True):
    """raw-events, key `via`: what a shop's webhook brought and nothing was made of, and why.

    `reason`: `unmapped` (a topic without a mapping), or the field that was at fault and why.
    """

    via: str
    topic: str
    delivery: str
    received_at: datetime
    reason: str
    body: bytes


class RefusedEvent(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refused-events, key `via`: what was not taken, and why. For `tuvi events tail`.

    Without the event's contents: who sent it has them, and has the same answer. `kind` and `name`:
    what it says it is, as far as that can be read. Addresses in any of it are left out.
    """

    via: str
    received_at: datetime
    route: str
    field: str
    message: str
    message_id: str = ""
    kind: str = ""
    name: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A store event, normalised. `name` is the event's name for `track`, else empty.

    `value` is derived for Product Added (price x quantity) where the shop does not give it.
    `traits` are the contact's own. `context.email`: the address that named the contact, wherever
    the call had it (traits, context.traits, properties).
    """

    message_id: str
    kind: Literal["track", "identify", "page", "screen", "alias", "group"]
    at: datetime
    received_at: datetime
    name: str = ""
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    context: dict[str, Any] = {}
    origin: Origin = "live"


class IdentifiedEvent(Message, frozen=True, kw_only=True, omit_defaults=True):
    """identified-events, key contact: a store event whose contact is known.

    `by_merge`: it caused a merge into this contact, or came by the way of a merged one, so what
    the loser hands over may come later than this.
    """

    contact: str
    event: Event
    by_merge: bool = False


class ContactsMerged(Message, frozen=True, kw_only=True, omit_defaults=True):
    """identified-events and contact-events, key loser: `loser` is from now on `winner`.

    `claimed`: nobody but a public call says so.
    """

    loser: str
    winner: str
    at: datetime
    claimed: bool = False


class ProfileHandedOver(Message, frozen=True, kw_only=True):
    """identified-events, key winner: the loser's whole state, packed by its owner."""

    contact: str
    loser: str
    at: datetime
    state: dict[str, Any]


DeliveryType = Literal[
    "Sent",
    "Skipped",
    "Failed",
    "Delivered",
    "Opened",
    "Clicked",
    "Bounced",
    "Complained",
    "Delayed",
    "Rejected",
    "Unsubscribed",
    "Subscribed",
    "PreferencesChanged",
]


class DeliveryEvent(Message, frozen=True, kw_only=True, omit_defaults=True):
    """delivery-events, key contact (from the message's tag or the link's token).

    `message` is Tuvi's message id; `provider_id` is SES's. `at` is the provider's time.
    `detail` is what is behind `reason`, in words for people, without anything of the contact.
    Repeats are known by `fingerprint()`. Carries no address. `by_merge`: as for IdentifiedEvent.
    `Subscribed` and `Unsubscribed` are of one `topic`, empty for all marketing; `text` is the
    version of what was agreed to. `PreferencesChanged` has the `traits` that the contact chose
    (`locale`, `email_frequency`).
    """

    contact: str
    message: str
    event: DeliveryType
    at: datetime
    received_at: datetime
    journey: str = ""
    version: int = 0
    run: str = ""
    step: str = ""
    variant: str = ""
    template: str = ""
    topic: str = ""
    provider_id: str = ""
    reason: str = ""
    detail: str = ""
    bounce: Literal["", "hard", "soft", "undetermined"] = ""
    bounce_detail: str = ""
    link: str = ""
    user_agent: str = ""
    method: str = ""
    source: Literal["ses", "sender", "link", "import", "preferences", "double_opt_in"] = "ses"
    text: str = ""
    traits: dict[str, Any] = {}
    origin: Origin = "live"
    by_merge: bool = False

    def fingerprint(self) -> str:
        """What makes a repeat a repeat: message, type, provider's time, link.

        A mail is sent once, and both the dispatcher and SES say so, each by its own clock.
        """
        if self.event == "Sent":
            return f"{self.message}|Sent"
        if self.event in ("Subscribed", "Unsubscribed"):  # several topics at one instant
            return f"{self.message}|{self.event}|{self.at.isoformat()}|{self.topic}"
        return f"{self.message}|{self.event}|{self.at.isoformat()}|{self.link}"


class FeedMark(Message, frozen=True, kw_only=True):
    """delivery-events, to each partition, key `mark`: SES's queue was empty.

    All that came into it before `until` (wall time) lies before the mark in its partition. `fence`
    rises with each who may say so: the word of a lower one counts no more. No workspace's: empty.
    """

    fence: int
    until: datetime


class SegmentChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A contact entered or left a segment at `at`; `backfill` when a definition's change did it."""

    segment: str
    change: Literal["entered", "left"]
    at: datetime
    backfill: bool = False


class ContactEvent(Message, frozen=True, kw_only=True, omit_defaults=True):
    """contact-events, key contact: one fact with the profile after it. At most one is set; none
    means that another contact was merged into this one and the profile is now both's.
    `by_merge`: as for IdentifiedEvent.
    """

    contact: str
    profile: Profile
    event: Event | None = None
    delivery: DeliveryEvent | None = None
    segment: SegmentChanged | None = None
    verdict: Verdict | None = None
    verdict_reason: str = ""
    by_merge: bool = False


class JourneyEvent(Message, frozen=True, kw_only=True, omit_defaults=True):
    """journey-events, key contact: what the orchestrator decided, with its reason.

    `exited.reason` is `finished`, `holdout`, a skip reason, or the exit rule's event name.
    """

    contact: str
    journey: str
    version: int
    kind: Literal["entered", "refused", "step_done", "skipped", "exited", "goal"]
    at: datetime
    run: str = ""
    step: str = ""
    variant: str = ""
    reason: str = ""
    key: str = ""
    message: str = ""
    value: dict[str, Any] = {}
    origin: Origin = "live"


class Progress(Message, frozen=True, kw_only=True):
    """progress: everything before business time `at` has left this stage's partition."""

    stage: str
    partition: int
    at: datetime


class DeadLetter(Message, frozen=True, kw_only=True):
    """<topic>.dead-letters: the bytes as they came (base64) and why they could not be taken."""

    topic: str
    partition: int
    offset: int
    stage: str
    reason: str
    at: datetime
    value: bytes
