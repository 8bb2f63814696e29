"""What came while a journey's version was not known here: put by, and judged when it is known.

In a rolling deploy an older process may meet runs of a version it cannot read. It cannot know
what ends them, so it keeps what may.
"""

from services.orchestrator.domain import deliveries, endings, merge, steps
from services.orchestrator.domain.state import Unjudged
from services.orchestrator.domain.turn import Turn
from shared.contracts import ContactEvent


def put_by(turn: Turn, given: ContactEvent) -> None:
    """Keep the event, or the word about a mail, if there is anything it cannot be judged for."""
    event, delivery = given.event, given.delivery
    if event is not None and not event.name:
        event = None
    if delivery is not None and delivery.event not in deliveries.ANSWERS:
        delivery = None  # opens and clicks are noted whatever the version
    if (event or delivery) and _any_unknown(turn):
        turn.unjudged.append(Unjudged(at=turn.now, event=event, delivery=delivery))


def judge(turn: Turn) -> None:
    """Judge again all that was put by. What was judged before changes nothing, so this may be
    done at every turn until no version is unknown any more.
    """
    if not turn.unjudged:
        return
    cause = turn.cause
    for fact in sorted(turn.unjudged, key=lambda fact: fact.order):
        turn.cause = fact.order[1]
        _once_more(turn, fact)
    turn.cause = cause
    if not _any_unknown(turn):
        turn.unjudged = []
        merge.settle(turn)


def _once_more(turn: Turn, fact: Unjudged) -> None:
    """As when it came, but that nothing begins by it, and what it began does not end by it."""
    event = fact.event
    if fact.delivery is not None and fact.delivery.origin == "live":
        deliveries.note(turn, fact.delivery, None)
    if event is not None and event.origin == "live":
        endings.reach_goals(turn, event)
    if event is not None:
        endings.note_exits(turn, event, entered_before=fact.at)
    if event is not None and event.origin == "live":
        endings.hear(turn, event)
        for run in turn.live_runs():
            steps.look(turn, turn.runs[run.id])


def _any_unknown(turn: Turn) -> bool:
    journeys = turn.journeys
    runs = any(journeys.unknown(run.journey, run.version) for run in turn.live_runs())
    return runs or any(journeys.unknown(waiting.journey) for waiting in turn.candidates)
