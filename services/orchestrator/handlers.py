"""Which effect goes to which topic, under which key."""

import msgspec

from shared.contracts import JourneyEvent, Message, RunsHandedOver, Send, Withdraw, topics
from shared.contracts.topics import Topic
from shared.kafka.records import Outgoing

TOPICS: dict[type[msgspec.Struct], Topic] = {
    Send: topics.SEND_COMMANDS,
    Withdraw: topics.SEND_COMMANDS,
    JourneyEvent: topics.JOURNEY_EVENTS,
    RunsHandedOver: topics.JOURNEY_COMMANDS,
}


def outgoing(effect: Message) -> Outgoing:
    """A message on its way; decisions are none, they are rows."""
    contact: str = effect.contact  # type: ignore[attr-defined]  # all of these have one
    return Outgoing.to_contact(TOPICS[type(effect)], contact, effect)
