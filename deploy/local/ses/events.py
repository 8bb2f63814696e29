"""SES's event documents, pure: a message and what happened to it, in Amazon's words."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.local.ses import recipients as mailbox
from deploy.local.ses.clock import iso
from deploy.local.ses.record import Event, Message

SEND = "Send"
DELIVERY = "Delivery"
BOUNCE = "Bounce"
COMPLAINT = "Complaint"
OPEN = "Open"
CLICK = "Click"
REJECT = "Reject"
DELAY = "DeliveryDelay"

Detail = dict[str, Any]


@dataclass(frozen=True)
class Sender:
    """Whose account it is; it appears in tags and names."""

    region: str
    account_id: str


def document(message: Message, event: Event, sender: Sender) -> Detail:
    """The event as SES publishes it."""
    key = event.type[0].lower() + event.type[1:]
    return {"eventType": event.type, "mail": mail(message, sender), key: event.detail}


def mail(message: Message, sender: Sender) -> Detail:
    domain = _domain(message.source)
    own = {
        "ses:operation": ["SendEmail"],
        "ses:configuration-set": [message.configuration_set],
        "ses:source-ip": [message.source_ip],
        "ses:from-domain": [domain],
        "ses:caller-identity": ["laptop"],
    }
    return {
        "timestamp": message.at,
        "source": message.source,
        "sourceArn": f"arn:aws:ses:{sender.region}:{sender.account_id}:identity/{domain}",
        "sendingAccountId": sender.account_id,
        "messageId": message.id,
        "destination": message.recipients(),
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in _headers(message)],
        "commonHeaders": {
            "from": [message.source],
            "to": message.to,
            "messageId": message.id,
            "subject": message.subject,
        },
        "tags": own | {name: [value] for name, value in message.tags.items()},
    }


def _headers(message: Message) -> list[tuple[str, str]]:
    headers = [("From", message.source), ("To", ", ".join(message.to))]
    if message.reply_to:
        headers.append(("Reply-To", ", ".join(message.reply_to)))
    headers += [("Subject", message.subject), ("MIME-Version", "1.0")]
    return headers + [(header.name, header.value) for header in message.headers]


def _domain(address: str) -> str:
    return address.rpartition("@")[2].rstrip(">")


def plan(outcome: str, to: str) -> list[tuple[str, Detail]]:
    """The events after Send, in order, without their times."""
    delivered = (DELIVERY, delivery(to))
    plans = {
        mailbox.DELIVERED: [delivered],
        mailbox.HARD: [(BOUNCE, bounce(to, "Permanent", "General"))],
        mailbox.SOFT: [(BOUNCE, bounce(to, "Transient", "MailboxFull"))],
        mailbox.DELAYED: [(DELAY, delay(to)), delivered],
        mailbox.COMPLAINED: [delivered, (COMPLAINT, complaint(to))],
        # An answering machine bounces to nobody in particular.
        mailbox.AWAY: [delivered, (BOUNCE, bounce(None, "Transient", "General"))],
        mailbox.SUPPRESSED: [(BOUNCE, bounce(to, "Permanent", "OnAccountSuppressionList"))],
        mailbox.REJECTED: [(REJECT, {"reason": "Bad content"})],
    }
    return plans[outcome]


def delivery(to: str) -> Detail:
    return {
        "processingTimeMillis": 300,
        "recipients": [to],
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": "laptop.smtp-out.amazonses.com",
    }


_reasons = {
    "Permanent": ("5.1.1", "smtp; 550 5.1.1 user unknown"),
    "Transient": ("4.2.2", "smtp; 452 4.2.2 mailbox full"),
    "Undetermined": ("5.0.0", "smtp; 554 5.0.0 no reason given"),
}
BOUNCE_TYPES = tuple(_reasons)


def bounce(to: str | None, kind: str, subtype: str) -> Detail:
    status, words = _reasons[kind]
    bounced = {"emailAddress": to, "action": "failed", "status": status, "diagnosticCode": words}
    return {
        "bounceType": kind,
        "bounceSubType": subtype,
        "bouncedRecipients": [bounced] if to else [],
        "reportingMTA": "dsn; laptop.smtp-out.amazonses.com",
    }


def complaint(to: str, feedback: str = "abuse") -> Detail:
    return {
        "complainedRecipients": [{"emailAddress": to}],
        "complaintSubType": None,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": feedback,
    }


def delay(to: str) -> Detail:
    words = {"emailAddress": to, "status": "4.4.7", "diagnosticCode": "smtp; 421 4.4.7 try later"}
    return {"delayType": "TransientCommunicationFailure", "delayedRecipients": [words]}


def seen(user_agent: str, ip: str) -> Detail:
    return {"ipAddress": ip, "userAgent": user_agent}


def clicked(user_agent: str, ip: str, link: str) -> Detail:
    return {"ipAddress": ip, "userAgent": user_agent, "link": link, "linkTags": None}


def timed(kind: str, detail: Detail, at: datetime, event_id: str) -> Detail:
    """The detail with the times and ids that SES adds; a Send and a Reject carry none."""
    if kind in (SEND, REJECT):
        return detail
    added: Detail = {"timestamp": iso(at)}
    if kind in (BOUNCE, COMPLAINT):
        added["feedbackId"] = event_id
    if kind == COMPLAINT:
        added["arrivalDate"] = iso(at)
    if kind == DELAY:
        added["expirationTime"] = iso(at.astimezone(UTC) + timedelta(hours=14))
    return detail | added


PLANNED = frozenset({DELIVERY, BOUNCE, REJECT, DELAY})


def suppresses(kind: str, detail: Detail) -> bool:
    """Whether the account's suppression list learns from it; `not-spam` takes a complaint back."""
    if kind == COMPLAINT:
        return bool(detail["complaintFeedbackType"] != "not-spam")
    return kind == BOUNCE and detail["bounceType"] == "Permanent"
