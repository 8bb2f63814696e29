"""The send ledger: one run, one step, one e-mail. Total: each input has an answer in each state.

"Ignored" (the row as it was) is an answer. Only `sending` can become ambiguous; only a claim that
still holds can start sending; nothing leaves `sent`.
"""

from datetime import datetime

from msgspec.structs import replace

from services.sender.domain.message import (
    Accepted,
    Announce,
    Claimed,
    GraceOver,
    HandedBack,
    Inner,
    Input,
    LeaseExpired,
    Lost,
    Postponed,
    Refused,
    Row,
    SendingStarted,
    Settled,
    Skipped,
    Status,
    Step,
    Unheard,
)
from shared.contracts import DeliveryEvent, Send, Withdraw

RESENDS = 3
"""How often a transactional message may be ambiguous and tried again, before it is held."""

PROOF = frozenset(
    {"Sent", "Delivered", "Opened", "Clicked", "Bounced", "Complained", "Delayed", "Rejected"}
    | {"Unsubscribed"}
)
"""Events that only a mail which was handed over can cause."""

NO_NEWS = frozenset({"Subscribed", "PreferencesChanged"})
"""Of the contact, not of a mail: a confirmed form names no mail that was handed over."""

_WAITING = (Status.QUEUED, Status.CLAIMED)
_IN_FLIGHT = (Status.SENDING, Status.AMBIGUOUS)


def transition(row: Row | None, given: Input, now: datetime) -> Step:
    """`now` is business time; wall times come with the inputs."""
    match given:
        case Send():
            return Step(row or _queued(given))
        case Withdraw():
            return Step(_withdraw(row, given))
        case DeliveryEvent():
            return _notified(row, given)
    return Step(None) if row is None else _known(row, given, now)


def _known(row: Row, given: Inner, now: datetime) -> Step:
    match given:
        case LeaseExpired():
            return Step(_expired(row, given.at))
        case Accepted() | Refused() | Lost():
            return _answered(row, given, now)
        case GraceOver() | Unheard() | Settled():
            return _settled(row, given, now)
        case _:
            return _dispatch(row, given, now)


def _queued(send: Send) -> Row:
    live = send.origin == "live"
    return Row(
        workspace=send.workspace,
        message=send.message,
        contact=send.contact,
        status=Status.QUEUED if live else Status.SKIPPED,
        reason="" if live else "too_old",  # promise 9: what was rebuilt mails nobody
        journey=send.journey,
        version=send.version,
        run=send.run,
        step=send.step,
        variant=send.variant,
        template=send.template,
        topic=send.topic,
        transactional=send.transactional,
        contact_version=send.contact_version,
        due_at=send.due_at,
        not_after=send.not_after,
    )


def _withdraw(row: Row | None, given: Withdraw) -> Row:
    if row is None:
        return Row(
            workspace=given.workspace,
            message=given.message,
            contact=given.contact,
            status=Status.WITHDRAWN,
            reason=given.reason,
        )
    if row.status in _WAITING:
        return _free(row, Status.WITHDRAWN, given.reason)
    if row.status in _IN_FLIGHT and not row.withdraw:
        return replace(row, withdraw=given.reason or "withdrawn")
    return row


def _notified(row: Row | None, event: DeliveryEvent) -> Step:
    if not event.message or event.source == "import" or event.event in NO_NEWS:
        return Step(row)
    if event.event in PROOF:
        return _proven(row, event)
    return Step(_ended(row, event))


def _proven(row: Row | None, event: DeliveryEvent) -> Step:
    """A row is made where there is none (a restored database), so it is never sent again."""
    if row is None:
        return Step(_made_by(event, Status.SENT))
    if row.provider_id == "" or not row.told:
        told = row.told or _is_send(event)
        row = replace(row, provider_id=row.provider_id or event.provider_id, told=told)
    if row.status == Status.SENT:
        return Step(row)
    proven = replace(_free(row, Status.SENT, ""), sent_at=event.at, withdraw="")
    # SES's own Send is on the topic already; after any other proof the others are still waiting
    return Step(proven, None if event.event == "Sent" else Announce("Sent", event.at))


def _is_send(event: DeliveryEvent) -> bool:
    """SES's own word, not a dispatcher's."""
    return event.event == "Sent" and event.source == "ses"


def _ended(row: Row | None, event: DeliveryEvent) -> Row | None:
    """Our own word from before a restore, or SES's "Rendering Failure"."""
    status = Status.SKIPPED if event.event == "Skipped" else Status.FAILED
    if row is None:
        return _made_by(event, status)
    open_for = _WAITING if status == Status.SKIPPED else (*_WAITING, *_IN_FLIGHT)
    return _free(row, status, event.reason, event.detail) if row.status in open_for else row


def _made_by(event: DeliveryEvent, status: Status) -> Row:
    return Row(
        workspace=event.workspace,
        message=event.message,
        contact=event.contact,
        status=status,
        reason=event.reason if status != Status.SENT else "",
        detail=event.detail if status != Status.SENT else "",
        journey=event.journey,
        version=event.version,
        run=event.run,
        step=event.step,
        variant=event.variant,
        template=event.template,
        topic=event.topic,
        sent_at=event.at if status == Status.SENT else None,
        provider_id=event.provider_id,
        told=_is_send(event),
    )


def _dispatch(
    row: Row,
    given: Claimed | Postponed | Skipped | HandedBack | SendingStarted,
    now: datetime,
) -> Step:
    match given, row.status:
        case Claimed(by, until, address), Status.QUEUED:
            claimed = replace(row, status=Status.CLAIMED, claimed_by=by, lease_until=until)
            return Step(replace(claimed, address=address, not_before=None))
        case Postponed(due_at, not_before), Status.QUEUED:
            return Step(replace(row, due_at=due_at or row.due_at, not_before=not_before))
        case Skipped(reason, by, detail), Status.QUEUED | Status.CLAIMED if by == row.claimed_by:
            skipped = _free(row, Status.SKIPPED, reason, detail)
            return Step(skipped, Announce("Skipped", now, reason, detail))
        case HandedBack(by), Status.CLAIMED if by == row.claimed_by:
            return Step(_free(row, Status.QUEUED, ""))
        case SendingStarted(by, at, until), Status.CLAIMED if by == row.claimed_by:
            sending = replace(row, status=Status.SENDING, started_at=at, lease_until=until)
            return Step(replace(sending, attempts=row.attempts + 1))
    return Step(row)


def _expired(row: Row, at: datetime) -> Row:
    if row.lease_until is None or row.lease_until > at:
        return row
    if row.status == Status.CLAIMED:
        return _free(row, Status.QUEUED, "")
    if row.status == Status.SENDING:
        return _ambiguous(row)
    return row


def _ambiguous(row: Row) -> Row:
    return replace(row, status=Status.AMBIGUOUS, lease_until=None, ambiguities=row.ambiguities + 1)


def _answered(row: Row, given: Accepted | Refused | Lost, now: datetime) -> Step:
    if given.by != row.claimed_by or row.status not in _IN_FLIGHT:
        return Step(row)
    match given:
        case Accepted():  # also when its lease ended first: that it was sent stays true
            sent = replace(_free(row, Status.SENT, ""), sent_at=now, provider_id=given.provider_id)
            return Step(replace(sent, withdraw=""), Announce("Sent", now))
        case Refused() if row.status == Status.SENDING:
            if given.never:
                failed = _free(row, Status.FAILED, given.reason, given.detail)
                return Step(failed, Announce("Failed", now, given.reason, given.detail))
            return Step(replace(_again(row), not_before=given.not_before))
        case Lost() if row.status == Status.SENDING:
            return Step(_ambiguous(row))
    return Step(row)


def _settled(row: Row, given: GraceOver | Unheard | Settled, now: datetime) -> Step:
    if row.status != Status.AMBIGUOUS:
        return Step(row)
    if isinstance(given, GraceOver):
        late = row.not_after is not None and now > row.not_after
        # by what may have gone, not by tries: what SES refused has certainly not gone
        may = row.transactional and not late and not row.withdraw and not row.held
        again = may and row.ambiguities <= RESENDS
        return Step(_again(row) if again else replace(row, held=True))
    if isinstance(given, Unheard):  # what loses its answer each time is for a person to look at
        again = row.ambiguities <= RESENDS and not row.told
        return Step(_again(row) if again else replace(row, held=True))
    if given.sent:
        sent = replace(_free(row, Status.SENT, ""), sent_at=row.sent_at or now, withdraw="")
        return Step(sent, Announce("Sent", row.sent_at or now))
    return Step(_again(row))


def _again(row: Row) -> Row:
    """Not sent: to be tried again, unless it was withdrawn meanwhile."""
    if row.withdraw:
        return replace(_free(row, Status.WITHDRAWN, row.withdraw), withdraw="")
    return _free(row, Status.QUEUED, "")


def _free(row: Row, status: Status, reason: str, detail: str = "") -> Row:
    """Nobody's any more."""
    free = replace(row, status=status, reason=reason, detail=detail)
    return replace(free, claimed_by="", lease_until=None, held=False)
