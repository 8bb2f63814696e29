"""What must be remembered of a message to judge its opens and clicks; small, order-independent."""

from datetime import datetime
from hashlib import blake2b
from typing import Protocol

import msgspec

MAX_CLICKS = 20


class Signal(Protocol):
    """A delivery event, as far as the verdict looks at it; `DeliveryEvent` is one."""

    @property
    def event(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def link(self) -> str: ...
    @property
    def user_agent(self) -> str: ...
    @property
    def method(self) -> str: ...


class MessageContext(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`clicks` are the newest `MAX_CLICKS`, each its time and its link's digest; `links` is how
    many different links the mail has, 0 if not known. JSON and back is loss-free.
    """

    delivered_at: datetime | None = None
    clicks: tuple[tuple[datetime, str], ...] = ()
    links: int = 0

    def note(self, event: Signal) -> "MessageContext":
        """The context after a delivery event: any type, any order, repeats change nothing."""
        if event.event == "Delivered":
            return self.united(MessageContext(delivered_at=event.at))
        if event.event == "Clicked":
            return self.united(MessageContext(clicks=((event.at, digest(event.link)),)))
        return self

    def united(self, other: "MessageContext") -> "MessageContext":
        """All that either knows."""
        times = [at for at in (self.delivered_at, other.delivered_at) if at is not None]
        return MessageContext(
            delivered_at=min(times, default=None),
            clicks=tuple(sorted({*self.clicks, *other.clicks})[-MAX_CLICKS:]),
            links=max(self.links, other.links),
        )


def digest(link: str) -> str:
    """Eight letters in place of a link of any length."""
    return blake2b(link.encode(errors="replace"), digest_size=4).hexdigest()
