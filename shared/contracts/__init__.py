"""The only definitions of messages: topics, events, commands, profile, keys, codec."""

from shared.contracts import topics
from shared.contracts.catalogue import (
    CatalogueChanged,
    ItemLinked,
    ProductChanged,
    StockChanged,
)
from shared.contracts.codec import Codec, Message, Undecodable, UnknownType, encode, plain
from shared.contracts.commands import Definition, RunsHandedOver, Send, Withdraw
from shared.contracts.events import (
    ContactEvent,
    ContactsMerged,
    DeadLetter,
    DeliveryEvent,
    Event,
    FeedMark,
    IdentifiedEvent,
    JourneyEvent,
    ProfileHandedOver,
    Progress,
    RawEvent,
    RefusedEvent,
    SegmentChanged,
    StoreEvent,
)
from shared.contracts.profile import Consent, ContactChanged, Profile

CODECS: dict[str, Codec] = {
    topics.STORE_EVENTS.name: Codec(StoreEvent, ProductChanged, StockChanged),
    topics.RAW_EVENTS.name: Codec(RawEvent),
    topics.REFUSED_EVENTS.name: Codec(RefusedEvent),
    topics.IDENTIFIED_EVENTS.name: Codec(
        IdentifiedEvent,
        ContactsMerged,
        ProfileHandedOver,
        ProductChanged,
        StockChanged,
        ItemLinked,
    ),
    topics.DELIVERY_EVENTS.name: Codec(DeliveryEvent, FeedMark),
    topics.CONTACT_EVENTS.name: Codec(ContactEvent, ContactsMerged),
    topics.CONTACT_CHANGES.name: Codec(ContactChanged),
    topics.SEND_COMMANDS.name: Codec(Send, Withdraw),
    topics.JOURNEY_EVENTS.name: Codec(JourneyEvent),
    topics.JOURNEY_COMMANDS.name: Codec(RunsHandedOver),
    topics.DEFINITIONS.name: Codec(Definition),
    topics.CATALOGUE_CHANGES.name: Codec(CatalogueChanged),
    topics.PROGRESS.name: Codec(Progress),
}

__all__ = [
    "CODECS",
    "CatalogueChanged",
    "Codec",
    "Consent",
    "ContactChanged",
    "ContactEvent",
    "ContactsMerged",
    "DeadLetter",
    "Definition",
    "DeliveryEvent",
    "Event",
    "FeedMark",
    "IdentifiedEvent",
    "ItemLinked",
    "JourneyEvent",
    "Message",
    "ProductChanged",
    "Profile",
    "ProfileHandedOver",
    "Progress",
    "RawEvent",
    "RefusedEvent",
    "RunsHandedOver",
    "SegmentChanged",
    "Send",
    "StockChanged",
    "StoreEvent",
    "Undecodable",
    "UnknownType",
    "Withdraw",
    "encode",
    "plain",
    "topics",
]
