"""E-mails of a contact: was it a person, and what conditions about e-mail remember of it."""

from datetime import datetime

from shared.conditions import Occurrence
from shared.contracts import DeliveryEvent
from shared.engagement import MessageContext, Verdict, verdict

from .state import Mail, Seen, latest

MAX_MAILS = 30
NAMES = {"Sent": "sent", "Delivered": "delivered", "Opened": "opened", "Clicked": "clicked"}
JUDGED = frozenset({"Opened", "Clicked"})


def noted(mails: dict[str, Mail], event: DeliveryEvent) -> dict[str, Mail]:
    """The mails after one more event."""
    known = mails.get(event.message)
    before = known.context if known else MessageContext()
    context = before.note(event)
    if known is not None and context is before:
        return mails
    at = max(known.at, event.at) if known else event.at
    return bounded({**mails, event.message: Mail(at, context)})


def judged(mails: dict[str, Mail], event: DeliveryEvent) -> Verdict | None:
    """The verdict on an open or a click by what is known now of its mail, the event included."""
    return verdict(event, _context(mails, event)) if event.event in JUDGED else None


def is_early(mails: dict[str, Mail], event: DeliveryEvent) -> bool:
    """A person's click for all that is known, but its mail's delivery is not: notifications come
    in any order, and a click too soon after the delivery is a machine's.
    """
    if event.event != "Clicked" or event.origin != "live":
        return False
    context = _context(mails, event)
    return context.delivered_at is None and verdict(event, context).by == "human"


def united_mails(a: Mail, b: Mail) -> Mail:
    """All that either knows."""
    return Mail(max(a.at, b.at), a.context.united(b.context))


def _context(mails: dict[str, Mail], event: DeliveryEvent) -> MessageContext:
    known = mails.get(event.message)
    return known.context if known else MessageContext().note(event)


def bounded(mails: dict[str, Mail]) -> dict[str, Mail]:
    """The newest `MAX_MAILS`: an open of an older one is judged by itself."""
    if len(mails) <= MAX_MAILS:
        return mails
    kept = sorted(mails, key=lambda m: (mails[m].at, m))[-MAX_MAILS:]
    return {message: mails[message] for message in kept}


def seen(known: Seen, event: DeliveryEvent, at: datetime, *, human: bool) -> Seen:
    """After an open or a click; a machine's leaves no trace."""
    if not human or event.event not in JUDGED:
        return known
    if event.event == "Opened":
        return Seen(known.first, known.active, latest(known.opened, at), known.clicked)
    return Seen(known.first, known.active, known.opened, latest(known.clicked, at))


def occurrence(event: DeliveryEvent, at: datetime, *, human: bool) -> Occurrence | None:
    """As conditions see it; None for what they do not ask about."""
    if event.event not in NAMES:
        return None
    return Occurrence(
        kind="email",
        name=NAMES[event.event],
        at=at,
        journey=event.journey or None,
        step=event.step or None,
        template=event.template or None,
        human=human,
    )
