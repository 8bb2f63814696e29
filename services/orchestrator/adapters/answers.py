"""The shapes of the API's answers (for its documentation), and how rows become them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from services.orchestrator.domain import Decision
from shared.contracts import Definition
from shared.definitions import same


class Published(BaseModel):
    """`version` counts bodies, `revision` every change."""

    id: str
    version: int
    revision: int
    status: Literal["draft", "running", "paused", "archived"]
    description: str = ""


class Publication(Published):
    """`changed`: by this call. `warnings`: what the journey rests on and is not there (yet)."""

    changed: bool
    warnings: list[str]


class Journeys(BaseModel):
    items: list[Published]
    next: str | None


class OneJourney(Published):
    versions: list[int]
    body: dict[str, Any]


class Run(BaseModel):
    """`held`: something was due while the journey was paused; it goes on when that is over."""

    run: str
    contact: str
    journey: str
    version: int
    status: Literal["active", "exited"]
    step: str
    held: bool
    key: str
    entered_at: datetime
    exited_at: datetime | None
    exit_reason: str
    goal_at: datetime | None


class Runs(BaseModel):
    items: list[Run]
    next: str | None


class DecisionTaken(BaseModel):
    """One decision: `what` was decided `at` business time on which `input`, and why."""

    seq: int
    journey: str
    version: int
    contact: str
    run: str
    at: datetime
    what: str
    reason: str
    step: str
    input: str
    detail: dict[str, Any]


class Explanation(BaseModel):
    """`words` are for people, oldest first; `decisions` are what they rest on."""

    contact: str
    status: str
    words: list[str]
    decisions: list[DecisionTaken]
    runs: list[Run]
    next: str | None


def published(definition: Definition) -> dict[str, Any]:
    return {
        "id": definition.id,
        "version": definition.version,
        "revision": definition.revision,
        "status": definition.status,
        "description": definition.body.get("description", ""),
    }


def planned(journey: str, body: dict[str, Any], known: Definition | None) -> dict[str, Any]:
    """What publishing would do; nothing has been done."""
    changed = known is None or not same(known.body, body)
    return {
        "id": journey,
        "version": (known.version if known else 0) + changed,
        "revision": known.revision if known else 0,
        "status": known.status if known else "running",
        "description": body.get("description", ""),
        "changed": changed,
    }


def decision(row: dict[str, Any], workspace: str) -> Decision:
    """A row as the core took it."""
    named = {name: row[name] for name in Decision.__struct_fields__ if name != "workspace"}
    return Decision(workspace=workspace, **named)
