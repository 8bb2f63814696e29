"""May this message go out now? Asked when it is claimed, and again before it is sent."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from shared.contracts import Consent, Send, addresses

EVERYTHING = ""  # a suppression's topic: the address is dead, or said that we are spam
MARKETING = "*"  # an unsubscribe that names no topic


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender knows of a contact, redirects followed."""

    contact: str
    version: int = 0
    email: str = ""
    consent: dict[str, Consent] = {}
    erased: bool = False


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """`address` gets nothing of `topic` since `at` (business time)."""

    workspace: str
    address: str
    topic: str
    reason: str
    at: datetime


UNSUBSCRIBED = "unsubscribed"
"""The one reason that the person can take back; bounces and complaints stand."""


class Lift(msgspec.Struct, frozen=True, kw_only=True):
    """`address` subscribed to `topic` at `at`; MARKETING is every topic.

    Unsubscribes from it before then hold no longer. One from all marketing stays for the others.
    """

    workspace: str
    address: str
    topic: str
    at: datetime


class Go(msgspec.Struct, frozen=True):
    address: str


class Skip(msgspec.Struct, frozen=True):
    reason: str


class Later(msgspec.Struct, frozen=True):
    """Not before this moment (business time)."""

    at: datetime


Judgement = Go | Skip | Later


def suppression_key(address: str) -> str:
    """Under which an address is suppressed: capitals and punycode do not make another mailbox."""
    return addresses.mailbox(address) or address.strip().lower()


def contact_suppression_key(contact: str) -> str:
    """For an unsubscribe whose address nobody knows; no address looks like this."""
    return f"contact:{contact}"


def judge(
    send: Send, contact: Contact, suppressions: Iterable[Suppression], now: datetime
) -> Judgement:
    """`suppressions` are those of the contact's address, of any topic. `now` is business time."""
    if contact.erased:
        return Skip("profile_deleted")
    address = addresses.address(contact.email)
    if not address:  # also what is no plain address, for nobody can be suppressed by it
        return Skip("missing_email")
    reason = _forbidden(send, contact, suppressions)
    if reason:
        return Skip(reason)
    return _in_time(send, address, now)


def _forbidden(send: Send, contact: Contact, suppressions: Iterable[Suppression]) -> str:
    consent = contact.consent.get(send.topic)
    for suppression in suppressions:
        if suppression.topic == EVERYTHING:
            return "suppressed"
        if send.transactional or suppression.topic not in (send.topic, MARKETING):
            continue
        if not _subscribed_since(consent, suppression.at):
            return UNSUBSCRIBED
    if send.transactional:
        return ""
    if consent is None or consent.state in ("never_subscribed", "pending"):
        return "no_consent"
    return UNSUBSCRIBED if consent.state == "unsubscribed" else ""


def _subscribed_since(consent: Consent | None, at: datetime) -> bool:
    """Only a later subscription lifts an unsubscribe; a tie goes to the stricter."""
    return consent is not None and consent.state == "subscribed" and consent.at > at


def _in_time(send: Send, address: str, now: datetime) -> Judgement:
    if now > send.not_after:
        return Skip("expired")
    if now < send.due_at:
        return Later(send.due_at)
    if not send.windows or any(start <= now < end for start, end in send.windows):
        return Go(address)
    ahead = [start for start, _ in send.windows if start > now]
    if not ahead or min(ahead) > send.not_after:
        missed = any(end <= now for _, end in send.windows)
        return Skip("expired" if missed else "quiet_hours")
    return Later(min(ahead))
