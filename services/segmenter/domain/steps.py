"""What goes into the core of stage profile, and what comes out."""

import msgspec

from shared.contracts import (
    ContactChanged,
    ContactEvent,
    ContactsMerged,
    DeliveryEvent,
    IdentifiedEvent,
    ProfileHandedOver,
)

from .state import ContactState


class Due(msgspec.Struct, frozen=True):
    """Everything up to now has been seen: what is due by now may happen."""


class Forward(msgspec.Struct, frozen=True):
    """The message as it is, to the topic it belongs to, for the contact who is it now."""

    contact: str
    message: IdentifiedEvent | DeliveryEvent | ContactsMerged | ProfileHandedOver


Input = IdentifiedEvent | DeliveryEvent | ContactsMerged | ProfileHandedOver | Due
Effect = ContactEvent | ContactChanged | ContactsMerged | ProfileHandedOver | Forward
Step = tuple[ContactState, list[Effect]]
