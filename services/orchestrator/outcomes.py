"""`POST /v1/outcomes`: what journeys made of events of the live view, and why not more."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from services.orchestrator.adapters.compiled import Compiled
from services.orchestrator.adapters.traces import traces
from services.orchestrator.domain import Journeys
from services.orchestrator.domain.reactions import (
    Happened,
    Traces,
    What,
    heeding,
    listening,
    nobody_listens,
    reactions,
)
from shared.auth import Keys
from shared.problems import KEYS, problems

MAX_EVENTS = 200
Text = Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]  # PostgreSQL keeps no NUL
Names = Annotated[list[Text], Field(max_length=200)]
PROBLEMS = KEYS | problems(_422="Not such events, or more than 200")
_EXAMPLE: dict[str, Any] = {
    "message_id": "m-1",
    "received_at": "2026-06-01T12:00:00.123Z",
    "name": "Product Added",
    "contact": "c_0123456789abcdef01234567",
}


class Event(BaseModel):
    """An item of ingest's `GET /v1/events` with what segmenter's `POST /v1/outcomes` said of it:
    `contact`, `was`, `entered`, `left`. What is not asked for here is left aside.
    """

    message_id: Text
    received_at: AwareDatetime
    contact: Text
    name: Text = ""
    was: Text = ""
    origin: Literal["live", "import", "replay"] = "live"
    entered: Names = []
    left: Names = []

    def happened(self) -> Happened:
        return Happened(
            self.message_id,
            self.name,
            self.received_at,
            self.contact,
            self.was,
            self.origin,
            tuple(self.entered),
            tuple(self.left),
        )


class Events(BaseModel):
    model_config = {"json_schema_extra": {"example": {"events": [_EXAMPLE]}}}
    events: list[Event] = Field(max_length=MAX_EVENTS)


class Reaction(BaseModel):
    """`what`: decided (`words` and `reason` as in explain), waiting (for quiet), continued (more
    of a run that is going on), silent (its trigger names the event and nothing was decided).
    `message`: the mail that it asks for; what became of it, the sender's `POST /v1/outcomes` says.
    """

    model_config = {"from_attributes": True}
    journey: str
    what: What
    words: str
    run: str = ""
    reason: str = ""
    message: str = ""


class Outcome(BaseModel):
    """`final`: no more will come of it now; until then, silence is not told. `listening`: journeys
    whose trigger names it. `words`: that there are none, if nothing was made of it.
    """

    message_id: str
    final: bool
    listening: list[str]
    journeys: list[Reaction]
    words: str = ""


class Outcomes(BaseModel):
    items: list[Outcome]


def router(
    pool: asyncpg.Pool, keys: Keys, compiled: Compiled, passed: Callable[[], datetime | None]
) -> APIRouter:
    """`passed`: business time before which the orchestrator has dealt with everything."""
    routes = APIRouter(prefix="/v1/outcomes", tags=["live view"])
    reader = Depends(keys.requires("read"))

    @routes.post("", summary="What journeys made of events", responses=PROBLEMS)
    async def outcomes(given: Events, workspace: Annotated[str, reader]) -> Outcomes:
        """In the order in which they were given. Changes nothing."""
        horizon = passed()  # before the rows are read: what it says of them is then true
        happened = [event.happened() for event in given.events]
        journeys = compiled.of(workspace)
        concerned = {name for one in happened for name in _concerned(journeys, one)}
        found = await traces(pool, workspace, happened, concerned)
        return Outcomes(items=[_outcome(journeys, one, found, horizon) for one in happened])

    return routes


def _concerned(journeys: Journeys, happened: Happened) -> set[str]:
    return heeding(journeys, happened) | {j.id for j in listening(journeys, happened)}


def _outcome(
    journeys: Journeys, happened: Happened, found: Traces, horizon: datetime | None
) -> Outcome:
    passed = horizon is not None and horizon > happened.received_at
    made, final = reactions(journeys, happened, found, passed=passed)
    return Outcome(
        message_id=happened.message_id,
        final=final,
        listening=[journey.id for journey in listening(journeys, happened)],
        journeys=[Reaction.model_validate(reaction) for reaction in made],
        words="" if made else nobody_listens(journeys, happened),
    )
