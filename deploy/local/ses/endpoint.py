"""The core: a mail is accepted, then things happen to it."""

import asyncio
from datetime import datetime
from time import time

import msgspec
from uuid_utils import uuid4

from deploy.local.ses import events as ses
from deploy.local.ses import recipients as mailbox
from deploy.local.ses.account import Account, check_identity
from deploy.local.ses.clock import LineClock, iso, parse_instant, wall
from deploy.local.ses.faults import Faults
from deploy.local.ses.record import Event, Field, Message, Parts, Record
from deploy.local.ses.refusal import not_found
from deploy.local.ses.settings import Settings
from deploy.local.ses.signature import Verifier
from deploy.local.ses.sns import Signer
from deploy.local.ses.suppression import Suppressed
from deploy.local.ses.topic import Manners, Topic
from deploy.local.ses.tracking import links
from deploy.local.ses.wire import VIRUS, SendEmail, Simple, bare


class Endpoint:
    """Everything of one home folder; `clock` gives business time."""

    def __init__(self, settings: Settings, clock: LineClock) -> None:
        self.settings = settings
        self.clock = clock
        home = settings.folder()
        self.record = Record(home, settings.keep)
        self.account = Account(settings.standing())
        self.faults = Faults(settings.fault_plan())
        self.verifier = Verifier(settings.access_key, settings.secret_key)
        self.suppressed = Suppressed(home)
        self.signer = Signer(home, settings.signature_version)
        self.refusals: dict[str, int] = {}
        self._closed = False
        self._mailboxes = settings.mailboxes()
        self._sender = ses.Sender(settings.region, settings.account_id)
        self._sets = frozenset(settings.configuration_set)
        self._identities = frozenset(one.lower() for one in settings.identity)
        arn = f"arn:aws:sns:{settings.region}:{settings.account_id}:{settings.topic}"
        manners = Manners(
            settings.seed, settings.posts, settings.repeats, settings.reordering, settings.held
        )
        self.topic = Topic(arn, home, self.signer, manners, self._publication)

    def resume(self) -> None:
        """After a start, within the running loop: what the record left open goes on."""
        open_plans: dict[str, list[str]] = {}
        published: list[int] = []
        for event in self.record.all_events():
            open_plans.setdefault(event.message_id + event.to, []).append(event.type)
            if event.published:
                published.append(event.seq)
        self.topic.resume(published)
        for message in self.record.all_messages():
            accepted = datetime.fromisoformat(message.wall).timestamp()
            self.account.count(len(message.recipients()), max(time() - accepted, 0.0))
            if self.record.card(message.id):
                for to in map(bare, message.recipients()):
                    self._go_on(message, to, open_plans.get(message.id + to, []))

    def check(self, request: SendEmail) -> None:
        """What needs the account: Refusal for unknown sets and unverified senders."""
        name = request.configuration_set_name
        if name and self._sets and name not in self._sets:
            raise not_found(f"Configuration set <{name}> does not exist.")
        region = self.settings.region
        check_identity(bare(request.from_email_address), self._identities, region)
        if not self.account.standing.production_access:
            for to in map(bare, request.destination.all()):
                if not to.lower().endswith("@" + mailbox.SIMULATOR):
                    sandbox = self._identities or frozenset({"nobody"})
                    check_identity(to, sandbox, region)

    def accept(self, request: SendEmail, simple: Simple, source_ip: str, fault: str | None) -> str:
        """On disk when this returns; the message's id."""
        parts = Parts(
            simple.body.html.data if simple.body.html else None,
            simple.body.text.data if simple.body.text else None,
        )
        message = Message(
            seq=0,
            id=_message_id(),
            at=iso(self.clock()),
            wall=iso(wall()),
            source=request.from_email_address,
            to=request.destination.to_addresses,
            cc=request.destination.cc_addresses,
            bcc=request.destination.bcc_addresses,
            reply_to=request.reply_to_addresses,
            subject=simple.subject.data,
            headers=[Field(header.name, header.value) for header in simple.headers],
            tags={tag.name: tag.value for tag in request.email_tags},
            configuration_set=request.configuration_set_name or None,
            links=links(parts.html),
            source_ip=source_ip,
            fault=fault,
        )
        self.record.add_message(message, parts)
        self.account.count(len(message.recipients()))
        for to in map(bare, message.recipients()):
            self.happen(message, ses.SEND, to, {})
            self._schedule(message, to, ses.plan(self._outcome(message, parts, to), to))
        return message.id

    def happen(
        self, message: Message, kind: str, to: str, detail: ses.Detail, at: datetime | None = None
    ) -> Event:
        """Record an event and tell the subscribers; `at` is business time, now by default."""
        moment = at or self.clock()
        event_id = str(uuid4())
        event = Event(
            seq=0,
            id=event_id,
            at=iso(moment),
            wall=iso(wall()),
            type=kind,
            message_id=message.id,
            message_seq=message.seq,
            to=to,
            published=message.configuration_set is not None,
            detail=ses.timed(kind, detail, moment, event_id),
        )
        self.record.add_event(event)
        if ses.suppresses(kind, detail):
            self.suppressed.learn(to, kind.upper(), event.at)
        if event.published:
            self.topic.publish(event.seq)
        return event

    def refused(self, kind: str) -> None:
        self.refusals[kind] = self.refusals.get(kind, 0) + 1

    def close(self) -> None:
        """What is still to happen goes on after the next start."""
        self._closed = True
        self.record.close()

    def _happen_later(self, message: Message, kind: str, to: str, detail: ses.Detail) -> None:
        if not self._closed:
            self.happen(message, kind, to, detail)

    def _outcome(self, message: Message, parts: Parts, to: str) -> str:
        if VIRUS in (parts.html or "") or VIRUS in (parts.text or ""):
            return mailbox.REJECTED
        if self.suppressed.has(to):
            return mailbox.SUPPRESSED
        key = message.subject + msgspec.json.encode(message.tags, order="sorted").decode()
        return self._mailboxes.outcome(to, key)

    def _schedule(self, message: Message, to: str, plan: list[tuple[str, ses.Detail]]) -> None:
        loop = asyncio.get_running_loop()
        for number, (kind, detail) in enumerate(plan, start=1):
            after = self.settings.delivery_delay * number
            loop.call_later(after, self._happen_later, message, kind, to, detail)

    def _go_on(self, message: Message, to: str, done: list[str]) -> None:
        """The rest of a plan that a stop cut short; a plan that is no longer drawn is left."""
        if ses.SEND not in done:
            self.happen(message, ses.SEND, to, {})
        plan = ses.plan(self._outcome(message, self.record.parts(message.seq), to), to)
        came = [kind for kind in done if kind in ses.PLANNED]
        if came == [kind for kind, _ in plan][: len(came)]:
            self._schedule(message, to, plan[len(came) :])

    def _publication(self, seq: int) -> tuple[str, str]:
        event = self.record.event(seq)
        document = ses.document(self.record.message(event.message_seq), event, self._sender)
        return msgspec.json.encode(document).decode(), event.wall


def business_time(text: str | None) -> datetime | None:
    return parse_instant(text, "at") if text else None


def _message_id() -> str:
    """Shaped as Amazon's: milliseconds, then randomness."""
    return f"0102{int(time() * 1000):012x}-{uuid4()}-000000"
