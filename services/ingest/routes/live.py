"""The live view: what was accepted and what was refused, for `tuvi events tail`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query

from services.ingest.adapters.tail import Tail
from services.ingest.adapters.write_keys import token_of
from services.ingest.domain.live import Outcome, Seen, Wanted
from services.ingest.handlers import Door
from shared.errors import Problem
from shared.problems import problems

Text = Annotated[str, Query(max_length=400)]
Limit = Annotated[int, Query(ge=1, le=200)]
PROBLEMS = problems(
    _401="No key, or an unknown one",
    _403="A key of another scope",
    _422="A parameter that is none, or an `after` that is no cursor",
    _429="Too many look at once; `Retry-After` says when to ask again",
    _503="Kafka or the keys are away",
)


@dataclass(frozen=True, slots=True)
class Events:
    """`items`: the newest first. `next`: give it as `after` to get what comes later.

    `complete`: false if older ones may have been wanted than were looked at. `more`: ask again at
    once. `skipped`: messages, of any workspace, that were too many to be looked at since `after`.
    """

    items: list[Seen]
    next: str
    complete: bool
    more: bool
    skipped: int


def router(door: Door, tail: Tail) -> APIRouter:
    routes = APIRouter(prefix="/v1/events", tags=["live view"])

    @routes.get("", summary="The last events, accepted and refused", responses=PROBLEMS)
    async def events(
        workspace: Annotated[str, Depends(_reader(door))],
        wanted: Annotated[Wanted, Depends(_wanted)],
        limit: Limit = 20,
        after: Annotated[str, Query(description="`next` of the answer before")] = "",
    ) -> Events:
        """Read from Kafka at this moment, by a key of scope `read`. Refusals by unknown keys are
        not here: nobody knows whose they are. What came of an event: segmenter and orchestrator,
        `POST /v1/outcomes`.
        """
        ours = wanted.of(workspace)
        page = await (tail.following(after, ours, limit) if after else tail.last(ours, limit))
        return Events(*page)

    return routes


def _wanted(
    via: Annotated[Text, Query(description="a key's prefix, shopify/main, form/newsletter")] = "",
    outcome: Outcome | None = None,
    name: Annotated[Text, Query(description="of a track call")] = "",
    user_id: Text = "",
    email: Text = "",
    message_id: Text = "",
) -> Wanted:
    return Wanted("", via, outcome, name, user_id, email, message_id)


def _reader(door: Door) -> Callable[[str], Awaitable[str]]:
    """A dependency: the workspace of a key with scope `read`."""

    async def workspace(authorization: Annotated[str, Header()] = "") -> str:
        kind, token = token_of(authorization) if authorization else ("", "")
        if kind != "bearer" or not token:
            raise Problem(401, "Key missing", "Send `Authorization: Bearer <key>`, scope read.")
        return (await door.keys.key(token, "read")).workspace

    return workspace
