"""The winner of a merge waits for what the loser hands over before it decides on.

The event that causes a merge comes straight to the winner; the loser's consent, runs and memories
come by way of two other partitions, a moment later. Decided at once, somebody who agreed before
they logged in would be refused, and an order of that moment would be no goal of the loser's run.
So such an event, and all that come after it, wait until everything from before it is here: until
the horizon has passed the business time at which it came.
"""

from datetime import datetime

from msgspec.structs import replace

from services.orchestrator.domain.state import MAX_WAITING, ContactState, Due
from shared.contracts import ContactEvent


def must_wait(state: ContactState, given: ContactEvent) -> bool:
    """Imports and replays wait for nobody: nothing begins by them."""
    fact = given.event or given.delivery
    live = fact is None or fact.origin == "live"
    return live and (given.by_merge or bool(state.waiting)) and len(state.waiting) < MAX_WAITING


def put_off(state: ContactState, given: ContactEvent, now: datetime) -> ContactState:
    """Contact-events are in order, so the newest profile is the one to decide by."""
    until = now if given.by_merge else state.waits_until
    return replace(state, waiting=(*state.waiting, given), waits_until=until, profile=given.profile)


def is_over(state: ContactState, due: Due) -> bool:
    """Whether everything that was said before is here."""
    return state.waits_until is not None and state.waits_until <= due.horizon


def released(state: ContactState) -> tuple[ContactState, list[ContactEvent]]:
    """The state without them, and what waited, by the newest profile."""
    profile = state.profile
    ready = [replace(given, profile=profile or given.profile) for given in state.waiting]
    return replace(state, waiting=(), waits_until=None), ready
