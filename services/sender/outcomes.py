"""`POST /v1/outcomes`: what became of the mails that journeys asked for at events."""

from collections.abc import Sequence
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.sender.adapters import dispatch, rows
from services.sender.claims import Claims
from services.sender.domain.message import Row
from services.sender.domain.telling import Told, told
from shared.auth import Keys
from shared.problems import KEYS, problems

MAX_EVENTS = 200
Text = Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]  # PostgreSQL keeps no NUL
PROBLEMS = KEYS | problems(_422="Not such events, or more than 200")
_EXAMPLE: dict[str, Any] = {
    "message_id": "m-1",
    "contact": "c_0123456789abcdef01234567",
    "journeys": [{"journey": "welcome", "run": "r_0123456789abcdef01234567"}],
}


class Reaction(BaseModel):
    """A run of a journey; `message`: the mail that it asked for at this event."""

    journey: Text
    run: Text = ""
    message: Text = ""


class Event(BaseModel):
    """An item of ingest's `GET /v1/events` with what the `POST /v1/outcomes` of segmenter and of
    the orchestrator said of it: `contact`, `was`, `journeys`. The rest is left aside.
    """

    message_id: Text
    contact: Text
    was: Text = ""
    journeys: list[Reaction] = Field(default=[], max_length=1000)

    @property
    def contacts(self) -> set[str]:
        return {self.contact, self.was} - {""}

    @property
    def runs(self) -> set[str]:
        return {one.run for one in self.journeys} - {""}

    @property
    def messages(self) -> set[str]:
        return {one.message for one in self.journeys} - {""}


class Events(BaseModel):
    model_config = {"json_schema_extra": {"example": {"events": [_EXAMPLE]}}}
    events: list[Event] = Field(max_length=MAX_EVENTS)


class Mail(BaseModel):
    """`status` and `reason` as `GET /v1/messages` has them."""

    message: str
    journey: str
    run: str
    status: str
    reason: str
    words: str


class Outcome(BaseModel):
    """`mails`: of all its runs. `final`: none is about to go out, and those asked for are here."""

    message_id: str
    final: bool
    mails: list[Mail]


class Outcomes(BaseModel):
    items: list[Outcome]


def router(pool: asyncpg.Pool, keys: Keys, claims: Claims) -> APIRouter:
    routes = APIRouter(prefix="/v1/outcomes", tags=["live view"])
    reader = Depends(keys.requires("read"))

    @routes.post("", summary="What became of the mails of events", responses=PROBLEMS)
    async def outcomes(given: Events, workspace: Annotated[str, reader]) -> Outcomes:
        """In the order in which they were given. Changes nothing."""
        contacts = {contact for event in given.events for contact in event.contacts}
        runs = {run for event in given.events for run in event.runs}
        now, wall = claims.moment()
        async with pool.acquire() as connection:
            shut = await dispatch.shut(connection, wall)
            found = await rows.of_runs(connection, workspace, contacts, runs)
        mails = [(row, told(row, now, shut or _paused(claims, row))) for row in found]
        return Outcomes(items=[_outcome(event, mails) for event in given.events])

    return routes


def _paused(claims: Claims, row: Row) -> str:
    return "the journey is paused" if claims.paused(row.workspace, row.journey) else ""


def _outcome(event: Event, mails: Sequence[tuple[Row, Told]]) -> Outcome:
    ours = [(row, one) for row, one in mails if row.run in event.runs]
    missing = event.messages - {row.message for row, _ in ours}
    return Outcome(
        message_id=event.message_id,
        final=not missing and all(one.settled for _, one in ours),
        mails=[
            Mail(
                message=row.message,
                journey=row.journey,
                run=row.run,
                status=row.status,
                reason=row.reason,
                words=one.words,
            )
            for row, one in ours
        ],
    )
