"""What was accepted and what happened: the truth that tests and the demo's self-check read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from deploy.local.ses.lines import Lines


class Field(msgspec.Struct):
    """A header of a mail."""

    name: str
    value: str


class Message(msgspec.Struct):
    """One accepted SendEmail: a line of messages.jsonl.

    `at` is business time, `wall` is wall time; `fault` names the wrong answer it was given, if
    any. `links` are the tracked links of the HTML part, in its order.
    """

    seq: int
    id: str
    at: str
    wall: str
    source: str
    to: list[str]
    cc: list[str]
    bcc: list[str]
    reply_to: list[str]
    subject: str
    headers: list[Field]
    tags: dict[str, str]
    configuration_set: str | None
    links: list[str]
    source_ip: str
    fault: str | None = None

    def recipients(self) -> list[str]:
        return [*self.to, *self.cc, *self.bcc]

    def header(self, name: str) -> str | None:
        found = (h.value for h in self.headers if h.name.lower() == name.lower())
        return next(found, None)


class Event(msgspec.Struct):
    """One thing that happened to a message: a line of events.jsonl.

    `to` is whom it concerns, `detail` SES's object for the type; `published` is false when the
    message had no configuration set, for then SES tells nobody.
    """

    seq: int
    id: str
    at: str
    wall: str
    type: str
    message_id: str
    message_seq: int
    to: str
    published: bool
    detail: dict[str, Any]


class Parts(msgspec.Struct):
    """The two bodies of message `seq`: a line of bodies.jsonl."""

    html: str | None
    text: str | None


class Card(msgspec.Struct):
    """What memory keeps of a message: enough for a list and for finding the rest."""

    seq: int
    id: str
    at: str
    to: str
    subject: str
    tags: dict[str, str]
    events: list[int]
    states: list[str]


_encode = msgspec.json.Encoder().encode
_message = msgspec.json.Decoder(Message)
_event = msgspec.json.Decoder(Event)
_parts = msgspec.json.Decoder(Parts)


class Record:
    """The files in a home folder, and cards of the newest `keep` messages in memory."""

    def __init__(self, home: Path, keep: int) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.messages = Lines(home / "messages.jsonl")
        self.events = Lines(home / "events.jsonl")
        self._bodies = Lines(home / "bodies.jsonl")
        self._bodies.cut(len(self.messages))
        self._keep = keep
        self.counts: dict[str, int] = {}
        self._cards: dict[str, Card] = {}
        for line in self.messages.all():
            self._remember(_message.decode(line))
        for event in self.all_events():
            self._note(event)

    def add_message(self, message: Message, parts: Parts) -> None:
        """Sets `seq`. The bodies go first: a message without them would be half the truth."""
        message.seq = self._bodies.append(_encode(parts))
        self.messages.append(_encode(message))
        self._remember(message)

    def add_event(self, event: Event) -> None:
        event.seq = len(self.events) + 1
        self.events.append(_encode(event))
        self._note(event)

    def message(self, seq: int) -> Message:
        return _message.decode(self.messages.read(seq))

    def find(self, message_id: str) -> Message | None:
        card = self._cards.get(message_id)
        return self.message(card.seq) if card else None

    def event(self, seq: int) -> Event:
        return _event.decode(self.events.read(seq))

    def parts(self, seq: int) -> Parts:
        return _parts.decode(self._bodies.read(seq))

    def all_messages(self) -> Iterator[Message]:
        return map(_message.decode, self.messages.all())

    def all_events(self) -> Iterator[Event]:
        return map(_event.decode, self.events.all())

    def card(self, message_id: str) -> Card | None:
        return self._cards.get(message_id)

    def cards(self, recipient: str, before: int | None, limit: int) -> list[Card]:
        """The newest first, whose recipient contains `recipient`, older than line `before`."""
        wanted = recipient.strip().lower()
        found: list[Card] = []
        for card in reversed(self._cards.values()):
            if (before is None or card.seq < before) and wanted in card.to.lower():
                found.append(card)
                if len(found) == limit:
                    break
        return found

    def close(self) -> None:
        for lines in (self.messages, self.events, self._bodies):
            lines.close()

    def _remember(self, message: Message) -> None:
        to = ", ".join(message.recipients())
        self._cards[message.id] = Card(
            message.seq, message.id, message.at, to, message.subject, message.tags, [], []
        )
        if len(self._cards) > self._keep:
            del self._cards[next(iter(self._cards))]

    def _note(self, event: Event) -> None:
        self.counts[event.type] = self.counts.get(event.type, 0) + 1
        if card := self._cards.get(event.message_id):
            card.events.append(event.seq)
            if event.type not in card.states:
                card.states.append(event.type)
