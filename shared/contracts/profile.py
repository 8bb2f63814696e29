"""What is known of a contact, as it travels in contact-events and is kept by its owners."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from shared.contracts.codec import Message

ConsentState = Literal["never_subscribed", "pending", "subscribed", "unsubscribed"]


class Consent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state for one topic, since when, from where, under which text."""

    state: ConsentState
    at: datetime
    source: str = ""
    text: str = ""


class Profile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A snapshot after an event. `version` rises by one with every change of the contact.

    `traits`: given and computed, flattened (revenue_total is a dict of currency to Decimal).
    `aggregates`: by `Aggregate.key`, states of shared.conditions as plain data.
    `definitions_version`: the definitions under which the aggregates were kept.
    """

    version: int
    email: str = ""
    locale: str = ""
    timezone: str = ""
    traits: dict[str, Any] = {}
    consent: dict[str, Consent] = {}
    segments: dict[str, datetime] = {}
    lists: list[str] = []
    aggregates: dict[str, Any] = {}
    definitions_version: int = 0


class Preferences(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody may choose for themselves, as segmenter answers ingest's preference page.

    `topics`: each that is known of, `*` is all marketing. Empty where nothing was said.
    """

    locale: str = ""
    email_frequency: str = ""
    topics: dict[str, ConsentState] = {}


class ContactChanged(Message, frozen=True, kw_only=True, omit_defaults=True):
    """contact-changes (compacted), key contact: what the sender must know before it sends.

    The higher `version` wins. `merged_into` makes the contact a redirect.
    """

    contact: str
    version: int
    email: str = ""
    consent: dict[str, Consent] = {}
    merged_into: str = ""
    erased: bool = False
