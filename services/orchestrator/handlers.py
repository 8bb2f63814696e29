"""Which effect goes to which topic, under which key."""

import msgspec

from shared.contracts import (
    JourneyEvent,
    Message,
    RunsHandedOver,
    Send,
    StoreEvent,
    Withdraw,
    topics,
)
from shared.contracts.codec import decode_plain
from shared.contracts.keys import identity_key
from shared.contracts.topics import Topic
from shared.kafka.records import Outgoing

TOPICS: dict[type[msgspec.Struct], Topic] = {
    Send: topics.SEND_COMMANDS,
    Withdraw: topics.SEND_COMMANDS,
    JourneyEvent: topics.JOURNEY_EVENTS,
    RunsHandedOver: topics.JOURNEY_COMMANDS,
    StoreEvent: topics.STORE_EVENTS,
}


def outgoing(effect: Message) -> Outgoing:
    """A message on its way; decisions are none, they are rows."""
    topic = TOPICS[type(effect)]
    if isinstance(effect, StoreEvent):
        return Outgoing(topic, _identity(effect), effect)
    contact: str = effect.contact  # type: ignore[attr-defined]  # all others have one
    return Outgoing.to_contact(topic, contact, effect)


def _identity(event: StoreEvent) -> str:
    """By the strongest identity the event gives, as at ingest."""
    body = decode_plain(event.event)
    given = {
        "user": body.get("userId"),
        "email": (body.get("traits") or {}).get("email"),
        "anonymous": body.get("anonymousId"),
    }
    kind, value = next((k, v) for k, v in given.items() if v)
    return identity_key(event.workspace, kind, str(value))
