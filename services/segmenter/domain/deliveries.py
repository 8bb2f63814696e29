"""What became of a mail, and clicks that wait for word of its delivery (docs/adr/0013)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.contracts import DeliveryEvent

from . import consent, email_history, traits
from .definitions import Definitions
from .snapshot import happened_at
from .state import ContactState
from .steps import Effect, Step
from .telling import told

WAITS = timedelta(seconds=10)
MAX_EARLY_CLICKS = 20
"""Of a contact, at the same time; one more is judged as it comes."""


def delivery(
    state: ContactState, given: DeliveryEvent, definitions: Definitions, now: datetime
) -> Step:
    """A click that may be a machine's for all that is not known yet is put off."""
    name = given.fingerprint()
    if name in state.early_clicks:
        return state, []
    state = replace(state, mails=email_history.noted(state.mails, given))
    if email_history.is_early(state.mails, given) and len(state.early_clicks) < MAX_EARLY_CLICKS:
        waiting = replace(state, early_clicks={**state.early_clicks, name: given})
        return told(state, waiting, definitions, now, backfill=False)
    state, effects = _taken(state, given, definitions, now)
    state, more = let_go(state, definitions, now)
    return state, effects + more


def let_go(state: ContactState, definitions: Definitions, now: datetime) -> Step:
    """What is known of the mails by now is enough for some of the clicks that wait."""
    clicks = state.early_clicks.values()
    enough = [click for click in clicks if not email_history.is_early(state.mails, click)]
    return released(state, enough, definitions, now)


def waits_until(click: DeliveryEvent) -> datetime:
    """When it is judged without its mail's delivery."""
    return click.received_at + WAITS


def released(
    state: ContactState, clicks: Iterable[DeliveryEvent], definitions: Definitions, now: datetime
) -> Step:
    """They are judged by what is known now."""
    effects: list[Effect] = []
    for click in clicks:
        kept = {n: other for n, other in state.early_clicks.items() if n != click.fingerprint()}
        state, more = _taken(replace(state, early_clicks=kept), click, definitions, now)
        effects += more
    return state, effects


def _taken(
    state: ContactState, given: DeliveryEvent, definitions: Definitions, now: datetime
) -> Step:
    at = happened_at(given)
    by = email_history.judged(state.mails, given)
    human = by is None or by.by == "human"
    what = email_history.occurrence(given, at, human=human)
    learned = replace(
        state,
        given=traits.chosen(state.given, given, at),
        seen=email_history.seen(state.seen, given, at, human=human),
        consent=consent.united(state.consent, consent.stated(given, at)),
        aggregates=definitions.learned(state.aggregates, what),
    )
    backfill = given.origin != "live"
    return told(state, learned, definitions, now, backfill=backfill, given=given, by=by)
