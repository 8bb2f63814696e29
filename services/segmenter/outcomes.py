"""`POST /v1/outcomes`: what came of events of the live view, as far as segmenter knows."""

from datetime import datetime
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from services.segmenter.adapters import outcome_rows
from shared.auth import Keys
from shared.problems import KEYS, problems

MAX_EVENTS = 200
Text = Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]  # PostgreSQL keeps no NUL
PROBLEMS = KEYS | problems(_422="Not such events, or more than 200")
_EXAMPLE: dict[str, Any] = {
    "events": [
        {"message_id": "m-1", "received_at": "2026-06-01T12:00:00.123Z", "user_id": "u-7"},
    ]
}


class Event(BaseModel):
    """An item of ingest's `GET /v1/events`, as it is; what is not asked for here is left aside."""

    message_id: Text
    received_at: AwareDatetime
    user_id: Text = ""
    email: Text = ""
    anonymous_id: Text = ""


class Events(BaseModel):
    model_config = {"json_schema_extra": {"example": _EXAMPLE}}
    events: list[Event] = Field(max_length=MAX_EVENTS)


class Outcome(BaseModel):
    """`state`: processed; repeat (of the event received at `received_at`, so it changed nothing);
    seen (identity knows the messageId: on its way, used by another contact's event, or a dead
    letter); waiting (not taken yet).

    `contact`: who it is now; `was`: at the time, if that was another. `segments`: that the contact
    is in now; `entered` and `left`: at the instant of this event.
    """

    message_id: str
    state: Literal["processed", "repeat", "seen", "waiting"]
    contact: str = ""
    was: str = ""
    received_at: datetime | None = None
    segments: list[str] = []
    entered: list[str] = []
    left: list[str] = []


class Outcomes(BaseModel):
    items: list[Outcome]


def router(pool: asyncpg.Pool, keys: Keys) -> APIRouter:
    routes = APIRouter(prefix="/v1/outcomes", tags=["live view"])
    reader = Depends(keys.requires("read"))

    @routes.post("", summary="What came of events", responses=PROBLEMS)
    async def outcomes(given: Events, workspace: Annotated[str, reader]) -> Outcomes:
        """In the order in which they were given. Changes nothing."""
        asked = [
            outcome_rows.Asked(e.message_id, e.received_at, e.user_id, e.email, e.anonymous_id)
            for e in given.events
        ]
        found = await outcome_rows.outcomes(pool, workspace, asked)
        items = [
            Outcome(message_id=event.message_id, **outcome._asdict())
            for event, outcome in zip(given.events, found, strict=True)
        ]
        return Outcomes(items=items)

    return routes
