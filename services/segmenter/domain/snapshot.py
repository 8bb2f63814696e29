"""What others are told of a contact, and how events are read: one place for each."""

from datetime import datetime
from typing import Any

from shared.conditions import Occurrence
from shared.contracts import ContactChanged, DeliveryEvent, Event, Profile
from shared.contracts.addresses import address

from . import boxes, traits
from .definitions import Definitions
from .state import ContactState


def changed(state: ContactState) -> ContactChanged:
    return ContactChanged(
        workspace=state.workspace,
        contact=state.contact,
        version=state.version,
        email=email_of(state),
        consent=boxes.holding(state),
        merged_into=state.merged_into,
    )


def snapshot(state: ContactState, known: dict[str, Any], definitions: Definitions) -> Profile:
    """What travels with every event of the contact; `known` are all its traits."""
    return Profile(
        version=state.version,
        email=email_of(state),
        locale=traits.text(state, "locale"),
        timezone=traits.text(state, "timezone"),
        traits=known,
        consent=boxes.holding(state),
        segments=state.segments,
        aggregates=state.aggregates,
        definitions_version=definitions.journeys_revision,
    )


def email_of(state: ContactState) -> str:
    """The address that the shop wrote last; empty if it took it away, or never wrote one."""
    return address(traits.text(state, "email"))


def happened_at(event: Event | DeliveryEvent) -> datetime:
    """When it happened; a clock that runs ahead cannot make a word outlast later ones."""
    return min(event.at, event.received_at)


def occurrence(event: Event) -> Occurrence | None:
    """As conditions see it; None for calls without an event's name."""
    if not event.name:
        return None
    return Occurrence(
        kind="event", name=event.name, at=happened_at(event), properties=event.properties
    )
