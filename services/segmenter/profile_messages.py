"""Messages of stage profile: whose they are, when they count, what is recorded, where they go."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b

from services.segmenter.adapters.profile_rows import Contact, Line
from services.segmenter.domain.snapshot import happened_at
from services.segmenter.domain.state import ContactState
from services.segmenter.domain.steps import Due, Effect, Forward, Input
from shared.contracts import (
    ContactChanged,
    ContactEvent,
    ContactsMerged,
    DeliveryEvent,
    IdentifiedEvent,
    ProfileHandedOver,
    topics,
)
from shared.contracts.codec import Message
from shared.contracts.topics import Topic
from shared.kafka.records import Outgoing

_TOPICS: dict[type[Message], Topic] = {
    ContactEvent: topics.CONTACT_EVENTS,
    ContactChanged: topics.CONTACT_CHANGES,
    ContactsMerged: topics.CONTACT_EVENTS,
    ProfileHandedOver: topics.IDENTIFIED_EVENTS,
}


def addressee(message: Input) -> Contact:
    """Whose owner this message is for."""
    if isinstance(message, Due):
        raise TypeError("a timer is not a message")
    if isinstance(message, ContactsMerged):
        return message.workspace, message.loser
    return message.workspace, message.contact


def repeat_id(message: IdentifiedEvent | DeliveryEvent) -> str:
    """What makes a repeat a repeat, as it stands in the history."""
    if isinstance(message, IdentifiedEvent):
        return message.event.message_id
    return "d_" + blake2b(message.fingerprint().encode(), digest_size=12).hexdigest()


def all_of(state: ContactState | None, contact: str) -> tuple[str, ...]:
    """Under whose ids the contact's history stands."""
    return (contact, *state.merged_from) if state else (contact,)


def instant(message: Input) -> datetime:
    if isinstance(message, IdentifiedEvent):
        return message.event.received_at
    if isinstance(message, DeliveryEvent):
        return message.received_at
    if isinstance(message, ContactsMerged | ProfileHandedOver):
        return message.at
    raise TypeError("a timer is not a message")


def lines(effects: Iterable[Effect]) -> Iterable[Line]:
    for effect in effects:
        if not isinstance(effect, ContactEvent):
            continue
        who = effect.workspace, effect.contact
        human = effect.verdict != "machine"
        if effect.event is not None:
            e = effect.event
            at = happened_at(e)
            yield Line(*who, e.message_id, at, e.received_at, "event", e.name or e.kind, True, e)
        elif effect.delivery is not None:
            d = effect.delivery
            at = happened_at(d)
            yield Line(*who, repeat_id(d), at, d.received_at, "delivery", d.event, human, d)
        elif effect.segment is not None:
            s = effect.segment
            name = f"s_{s.segment}/{s.change}/{s.at.isoformat()}"
            yield Line(*who, name, s.at, s.at, "segment", s.segment, True, s)


def outgoing(effect: Effect) -> Outgoing:
    """An effect as it is published."""
    if isinstance(effect, Forward):
        delivery = isinstance(effect.message, DeliveryEvent)
        topic = topics.DELIVERY_EVENTS if delivery else topics.IDENTIFIED_EVENTS
        return Outgoing.to_contact(topic, effect.contact, effect.message)
    if isinstance(effect, ContactsMerged):
        return Outgoing.to_contact(topics.CONTACT_EVENTS, effect.loser, effect)
    return Outgoing.to_contact(_TOPICS[type(effect)], effect.contact, effect)
