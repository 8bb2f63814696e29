"""The rows that a batch is about, by key."""

from dataclasses import dataclass, field
from typing import NamedTuple

from services.metrics.domain.contact import Contact
from services.metrics.domain.message import Message
from services.metrics.domain.order import Order
from services.metrics.domain.run import Run
from services.metrics.domain.wanted import Fact, Id


class OrderId(NamedTuple):
    """An order's key."""

    workspace: str
    contact: str
    order_id: str


@dataclass(slots=True)
class Rows:
    """Rows by key; `facts` are those that were counted before."""

    contacts: dict[Id, Contact] = field(default_factory=dict)
    messages: dict[Id, Message] = field(default_factory=dict)
    runs: dict[Id, Run] = field(default_factory=dict)
    orders: dict[OrderId, Order] = field(default_factory=dict)
    facts: set[Fact] = field(default_factory=set)

    def copy(self) -> "Rows":
        return Rows(
            dict(self.contacts),
            dict(self.messages),
            dict(self.runs),
            dict(self.orders),
            set(self.facts),
        )

    def person(self, contact: Id) -> Id:
        """Who a contact is now: the end of its redirects."""
        while (row := self.contacts.get(contact)) is not None and row.merged_into:
            contact = Id(contact.workspace, row.merged_into)
        return contact
