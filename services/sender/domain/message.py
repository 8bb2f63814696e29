"""One mail to one contact, as the ledger knows it, and what can befall it."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from shared.contracts import DeliveryEvent, Send, Withdraw


class Status(StrEnum):
    """Where a message is. The comments are the transition table; `proof` leads to SENT from all.

    Proof is any notification that only a mail that was sent can cause.
    """

    QUEUED = "queued"  # Claimed -> claimed, Skipped -> skipped, Withdraw -> withdrawn
    CLAIMED = "claimed"  # SendingStarted -> sending, HandedBack | LeaseExpired -> queued,
    #                      Skipped -> skipped, Withdraw -> withdrawn
    SENDING = "sending"  # Accepted -> sent, Refused -> failed | queued, Lost | LeaseExpired ->
    #                      ambiguous; a Withdraw is kept in mind and counts if it is not sent
    AMBIGUOUS = "ambiguous"  # Accepted | Settled(sent) -> sent, Settled(not sent) | Unheard ->
    #                          queued | withdrawn, GraceOver -> queued (transactional) | held
    SENT = "sent"  # the end
    FAILED = "failed"  # the end, but for proof
    SKIPPED = "skipped"  # the end, but for proof
    WITHDRAWN = "withdrawn"  # the end, but for proof


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `messages`. `due_at`, `not_after`, `sent_at` are business time, all else is wall.

    `detail` is what is behind the reason, in words for people.
    `claimed_by` is new with each claim, so a claim that was lost is never taken for another.
    `withdraw` is the reason of a withdrawal that came while the mail was being sent.
    `attempts` counts starts, those that SES refused too; `ambiguities` those of lost answers.
    `held`: an ambiguous message that only its notification, the silence of a feed that was read
    to its end, or a person settles. `told`: SES's own Send has come.
    """

    workspace: str
    message: str
    contact: str
    status: Status
    reason: str = ""
    detail: str = ""
    journey: str = ""
    version: int = 0
    run: str = ""
    step: str = ""
    variant: str = ""
    template: str = ""
    topic: str = ""
    transactional: bool = False
    contact_version: int = 0
    due_at: datetime | None = None
    not_after: datetime | None = None
    address: str = ""
    claimed_by: str = ""
    lease_until: datetime | None = None
    not_before: datetime | None = None
    attempts: int = 0
    ambiguities: int = 0
    started_at: datetime | None = None
    sent_at: datetime | None = None
    provider_id: str = ""
    withdraw: str = ""
    held: bool = False
    told: bool = False

    @property
    def key(self) -> "Key":
        return self.workspace, self.message


Key = tuple[str, str]  # workspace, message


class Claimed(msgspec.Struct, frozen=True):
    """A dispatcher will try; `address` is the recipient it found."""

    by: str
    until: datetime
    address: str


class Postponed(msgspec.Struct, frozen=True):
    """Not now: due later (business time), or to be looked at again later (wall)."""

    due_at: datetime | None = None
    not_before: datetime | None = None


class Skipped(msgspec.Struct, frozen=True):
    """It will never be sent. `by` is empty when the decision falls with the claim itself.

    `detail`, here and below: what is behind the reason, for people; nothing of the contact.
    """

    reason: str
    by: str = ""
    detail: str = ""


class HandedBack(msgspec.Struct, frozen=True):
    """Claimed, but not written: free for others."""

    by: str


class LeaseExpired(msgspec.Struct, frozen=True):
    """Somebody looked at `at` (wall): does the lease still run?"""

    at: datetime


class SendingStarted(msgspec.Struct, frozen=True):
    """From here on the request may be on its way. Both are wall time."""

    by: str
    at: datetime
    until: datetime


class Accepted(msgspec.Struct, frozen=True):
    by: str
    provider_id: str


class Refused(msgspec.Struct, frozen=True):
    """SES did not take it. `never`: and never will. Else again from `not_before` (wall) on."""

    by: str
    reason: str
    never: bool = False
    not_before: datetime | None = None
    detail: str = ""


class Lost(msgspec.Struct, frozen=True):
    """The answer is missing: it may have been taken."""

    by: str


class GraceOver(msgspec.Struct, frozen=True):
    """The grace is over and the feed of notifications was read to its end after it."""


class Unheard(msgspec.Struct, frozen=True):
    """SES's feed, read to its end behind the grace, does not know it: it was not sent."""


class Settled(msgspec.Struct, frozen=True):
    """Somebody who knows says so."""

    sent: bool


Inner = (
    Claimed
    | Postponed
    | Skipped
    | HandedBack
    | LeaseExpired
    | SendingStarted
    | Accepted
    | Refused
    | Lost
    | GraceOver
    | Unheard
    | Settled
)
"""What dispatchers and people do to a message that is there."""

Input = Send | Withdraw | DeliveryEvent | Inner


class Announce(msgspec.Struct, frozen=True):
    """To be told on delivery-events; `at` is stored with it, so that repeats are known."""

    event: Literal["Sent", "Skipped", "Failed"]
    at: datetime
    reason: str = ""
    detail: str = ""

    def about(self, row: Row) -> DeliveryEvent:
        return DeliveryEvent(
            workspace=row.workspace,
            contact=row.contact,
            message=row.message,
            event=self.event,
            at=self.at,
            received_at=self.at,
            journey=row.journey,
            version=row.version,
            run=row.run,
            step=row.step,
            variant=row.variant,
            template=row.template,
            topic=row.topic,
            provider_id=row.provider_id,
            reason=self.reason,
            detail=self.detail,
            source="sender",
        )


class Step(msgspec.Struct, frozen=True):
    """What comes of an input: the row after it, and what is to be told."""

    row: Row | None
    announce: Announce | None = None
