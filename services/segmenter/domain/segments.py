"""Which segments a contact is in, at one instant, and when that may change by itself."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from shared.conditions import Facts
from shared.contracts import SegmentChanged

from .boxes import holding
from .definitions import Definitions
from .state import ContactState


def answered(
    state: ContactState,
    traits: dict[str, Any],
    at: datetime,
    definitions: Definitions,
    *,
    backfill: bool,
) -> tuple[ContactState, list[SegmentChanged]]:
    """The state with every segment answered at `at`, and what changed; `traits` are all it has.

    A change of a segment that is new to this contact is back-fill, whatever caused it.
    Memberships of segments that this process does not know (yet) are left alone.
    """
    members = dict(state.segments)
    facts = Facts(
        contact=state.contact,
        traits=traits,
        consent={topic: said.state for topic, said in holding(state).items()},
        segments=members,
        aggregates=state.aggregates,
    )
    changes: list[SegmentChanged] = []
    due: datetime | None = None
    for segment in definitions.segments:
        holds, changes_at = segment.answer(facts, at)
        if changes_at is not None and (due is None or changes_at < due):
            due = changes_at
        if holds is (segment.id in members):
            continue
        if holds:
            members[segment.id] = at
        else:
            del members[segment.id]
        changes.append(
            SegmentChanged(
                segment=segment.id,
                change="entered" if holds else "left",
                at=at,
                backfill=backfill or segment.revision > state.segments_revision,
            )
        )
    return replace(state, clock=at, due=due, segments=members), changes
