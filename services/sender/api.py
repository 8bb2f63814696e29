"""The sender's HTTP API: templates, messages, suppressions, dispatch."""

from datetime import datetime
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from services.sender.adapters import dispatch, rows
from services.sender.claims import Claims
from services.sender.domain.message import Settled, Status
from services.sender.domain.permission import suppression_key
from services.sender.templates import (
    CompiledTemplate,
    RenderPool,
    TemplateError,
    TemplateSource,
    publish,
)
from shared import definitions
from shared.auth import Keys
from shared.contracts import plain
from shared.definitions import Announcer, Registry
from shared.errors import Problem

PAGE = 100
MOST = 1000
Limit = Annotated[int, Query(ge=1, le=MOST)]


class Source(BaseModel):
    """A template as its author wrote it: `text` with its front matter, files it may include."""

    text: str
    partials: dict[str, str] = {}
    sample: dict[str, Any] = {}


class Template(BaseModel):
    id: str
    version: int
    subject: str
    description: str
    topic: str
    locale: str
    transactional: bool
    variables: list[str]


class Templates(BaseModel):
    items: list[Template]
    next: None = None


class Message(BaseModel):
    """Times of journeys (due, not_after, sent) are business time, others wall time.

    The ledger's part of a mail's way. Who opened and clicked is in the contact's timeline.
    """

    message: str
    contact: str
    status: Status
    reason: str = Field(description="why it was not sent; empty while it is on its way")
    detail: str = Field(description="what is behind it: the template's part, or what SES said")
    journey: str
    version: int
    run: str
    step: str
    variant: str
    template: str
    topic: str
    transactional: bool
    address: str
    attempts: int = Field(description="how often SES was called")
    ambiguities: int = Field(description="how often its answer was lost")
    withdraw: str = Field(description="a withdrawal that came while it was on its way: its reason")
    due_at: datetime | None
    not_after: datetime | None
    not_before: datetime | None = Field(description="looked at again then: paused, or SES said so")
    started_at: datetime | None
    sent_at: datetime | None
    provider_id: str
    told: bool = Field(description="SES's own notification that it was sent has come")
    held: bool = Field(description="ambiguous, and only SES's feed or you can settle it")


class Messages(BaseModel):
    items: list[Message]
    next: str | None = Field(description="give it as `after`; null at the end")


class Suppression(BaseModel):
    address: str
    topic: str = Field(description="empty: everything; `*`: all marketing")
    reason: str
    at: datetime


class Suppressions(BaseModel):
    items: list[Suppression]
    next: str | None


class Outcome(BaseModel):
    outcome: Literal["sent", "not_sent"]


class Dispatch(BaseModel):
    enabled: bool
    off_because: str
    blocked_for: str
    per_second: float


def templates(
    pool: asyncpg.Pool, keys: Keys, renderer: RenderPool, say: Announcer, heard: Registry
) -> APIRouter:
    router = APIRouter(prefix="/v1/templates", tags=["templates"])

    @router.put("/{id}")
    async def put(
        id: str,  # noqa: A002  its name in the path
        source: Source,
        workspace: Annotated[str, Depends(keys.requires("write"))],
    ) -> Template:
        """Publish. A template that cannot be sent to everybody is refused with its lines."""
        given = TemplateSource(
            id=id, text=source.text, partials=source.partials, sample=source.sample
        )
        try:
            compiled = await publish(given, renderer)
        except TemplateError as error:
            raise _refused(error) from error
        async with pool.acquire() as connection:
            saved = await definitions.save(
                connection,
                workspace=workspace,
                kind="template",
                id=id,
                body=plain(compiled),
                heard=heard,
            )
        say.wake()
        return _template(saved.body, saved.version)

    @router.get("")
    async def listed(workspace: Annotated[str, Depends(keys.requires("read"))]) -> Templates:
        async with pool.acquire() as connection:
            found = await definitions.latest(connection, workspace, "template", heard)
        return Templates(items=[_template(d.body, d.version) for d in found])

    return router


def _refused(error: TemplateError) -> Problem:
    errors = [
        {"file": e.file, "line": e.line, "message": e.message, "hint": e.hint} for e in error.all
    ]
    return Problem(422, "Template refused", str(error), errors=errors)


def _template(body: dict[str, Any], version: int) -> Template:
    names = Template.model_fields.keys() & set(CompiledTemplate.__struct_fields__)
    return Template(**{name: body[name] for name in names} | {"version": version})


def messages(pool: asyncpg.Pool, keys: Keys, claims: Claims) -> APIRouter:
    router = APIRouter(prefix="/v1/messages", tags=["messages"])

    @router.get("")
    async def listed(
        workspace: Annotated[str, Depends(keys.requires("read"))],
        contact: str = "",
        status: Status | None = None,
        after: str = "",
        limit: Limit = PAGE,
    ) -> Messages:
        found = await pool.fetch(
            f"""SELECT {rows.COLUMNS} FROM messages m
                WHERE workspace = $1 AND message > $2 AND ($3 = '' OR contact = $3)
                  AND ($4 = '' OR status = $4::text::message_status)
                ORDER BY message LIMIT $5""",
            workspace,
            after,
            contact,
            status or "",
            limit,
        )
        page = [Message(**record) for record in found]
        return Messages(items=page, next=page[-1].message if len(page) == limit else None)

    @router.get("/{message}")
    async def one(
        message: str, workspace: Annotated[str, Depends(keys.requires("read"))]
    ) -> Message:
        record = await pool.fetchrow(
            f"SELECT {rows.COLUMNS} FROM messages m WHERE workspace = $1 AND message = $2",
            workspace,
            message,
        )
        if record is None:
            raise Problem(404, "No such message", f"{message} is not in the ledger.")
        return Message(**record)

    @router.post("/{message}/settle")
    async def settle(
        message: str,
        outcome: Outcome,
        workspace: Annotated[str, Depends(keys.requires("write"))],
    ) -> Message:
        """Say what became of an ambiguous message. `not_sent` sends it again, while in time."""
        before = await one(message, workspace)
        if before.status != Status.AMBIGUOUS:
            raise Problem(409, "Not ambiguous", f"{message} is {before.status}.")
        await claims.tell({(workspace, message): Settled(outcome.outcome == "sent")})
        return await one(message, workspace)

    return router


def suppressions(pool: asyncpg.Pool, keys: Keys) -> APIRouter:
    router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"])

    @router.get("")
    async def listed(
        workspace: Annotated[str, Depends(keys.requires("read"))],
        address: str = "",
        after: str = "",
        limit: Limit = PAGE,
    ) -> Suppressions:
        """`next` is the last address and topic of the page."""
        at, _, topic = after.partition("\t")
        found = await pool.fetch(
            """SELECT address, topic, reason, at FROM suppressions
               WHERE workspace = $1 AND ($2 = '' OR address = $2)
                 AND ($3 = '' OR (address, topic) > ($3, $4))
               ORDER BY address, topic LIMIT $5""",
            workspace,
            suppression_key(address),
            at,
            topic,
            limit,
        )
        page = [Suppression(**record) for record in found]
        last = f"{page[-1].address}\t{page[-1].topic}" if len(page) == limit else None
        return Suppressions(items=page, next=last)

    return router


def switch(pool: asyncpg.Pool, keys: Keys) -> APIRouter:
    router = APIRouter(prefix="/v1/dispatch", tags=["dispatch"])

    async def state() -> Dispatch:
        async with pool.acquire() as connection, connection.transaction():
            gate, bucket = await dispatch.gate(connection), await dispatch.bucket(connection)
        return Dispatch(
            enabled=gate.enabled,
            off_because=gate.off_because,
            blocked_for=bucket.blocked_for,
            per_second=bucket.per_second,
        )

    @router.get("")
    async def shown(_: Annotated[str, Depends(keys.requires("read"))]) -> Dispatch:
        return await state()

    @router.post("/pause")
    async def pause(_: Annotated[str, Depends(keys.requires("operate"))]) -> Dispatch:
        """Nothing more is sent, by any replica and for any workspace, until it is resumed."""
        async with pool.acquire() as connection:
            await dispatch.switch_off(connection, "paused by an operator")
        return await state()

    @router.post("/resume")
    async def resume(_: Annotated[str, Depends(keys.requires("operate"))]) -> Dispatch:
        """Send. After a restore: only when what was sent since the copy is known."""
        async with pool.acquire() as connection:
            await dispatch.resume(connection)
        return await state()

    return router
