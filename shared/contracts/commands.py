"""Commands: imperative, addressed to the owner of a contact. Definitions: versioned facts."""

from datetime import datetime
from typing import Any, Literal

from shared.contracts.codec import Message
from shared.contracts.events import Origin
from shared.contracts.profile import Profile


class Send(Message, frozen=True, kw_only=True, omit_defaults=True):
    """send-commands: one mail for one step of one run. `message` = hash(run, step).

    `data` is all the template may see besides what the sender adds (unsubscribe_url, shop).
    `windows` are the allowed times in UTC as (from, to); empty means always.
    """

    contact: str
    contact_version: int
    message: str
    run: str
    journey: str
    version: int
    step: str
    template: str
    topic: str
    due_at: datetime
    not_after: datetime
    variant: str = ""
    transactional: bool = False
    windows: list[tuple[datetime, datetime]] = []
    data: dict[str, Any] = {}
    origin: Origin = "live"


class Withdraw(Message, frozen=True, kw_only=True):
    """send-commands: do not send `message` if it has not gone out; may come before its Send."""

    contact: str
    message: str
    reason: str
    at: datetime


class RunsHandedOver(Message, frozen=True, kw_only=True):
    """journey-commands, key winner: the loser's runs, candidates and memories, packed."""

    contact: str
    loser: str
    at: datetime
    state: dict[str, Any]
    profile: Profile | None = None


class Definition(Message, frozen=True, kw_only=True, omit_defaults=True):
    """definitions (compacted, whole in every process): the higher `version` wins.

    `revision` orders all definitions of one owner (a database sequence). `body` is the checked
    document as plain data; for a journey `status` is draft, running, paused or archived.
    """

    kind: Literal["segment", "journey", "template", "workspace", "form"]
    id: str
    version: int
    revision: int
    status: Literal["draft", "running", "paused", "archived"] = "running"
    body: dict[str, Any] = {}
