"""Contacts as people ask for them: found by an identity, looked at, followed through time."""

from datetime import datetime
from typing import Any

import asyncpg

from services.segmenter.adapters import identity_rows
from services.segmenter.domain.boxes import holding
from services.segmenter.domain.definitions import NOTHING
from services.segmenter.domain.snapshot import snapshot
from services.segmenter.domain.state import ContactState, decode
from services.segmenter.domain.traits import flattened, text
from shared.contracts.profile import Preferences
from shared.errors import Problem


class Contacts:
    """Reads only."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def found_by(self, workspace: str, kind: str, value: str) -> list[str]:
        """Contacts with this identity (user, email, anonymous), or whose address it is."""
        alias = await identity_rows.find(self._pool, workspace, kind, value)
        found = [alias] if alias else []
        if kind == "email":
            rows = await self._pool.fetch(
                """SELECT contact FROM profiles
                   WHERE workspace = $1 AND lower(email) = lower($2) AND email <> ''
                   ORDER BY contact LIMIT 100""",
                workspace,
                value.strip(),
            )
            found += [row["contact"] for row in rows if row["contact"] != alias]
        return found

    async def one(self, workspace: str, contact: str) -> dict[str, Any]:
        """All that is known, of who the contact is now. Raises Problem 404."""
        state, updated_at = await self._now(workspace, contact)
        known = await identity_rows.identities_of(self._pool, workspace, state.contact)
        profile = snapshot(state, flattened(state), NOTHING)
        return {
            "contact": state.contact,
            "version": state.version,
            "email": profile.email,
            "locale": profile.locale,
            "timezone": profile.timezone,
            "traits": profile.traits,
            "consent": profile.consent,
            "segments": profile.segments,
            "identities": [{"kind": i.kind, "value": i.value} for i in known],
            "merged_from": state.merged_from,
            "changes_at": state.due,
            "updated_at": updated_at,
        }

    async def preferences(self, workspace: str, contact: str) -> Preferences:
        """What the contact, or who it is now, has chosen. Raises Problem 404."""
        state, _ = await self._now(workspace, contact)
        frequency = state.given.get("email_frequency")
        return Preferences(
            locale=text(state, "locale"),
            email_frequency=str(frequency.value or "") if frequency else "",
            topics={topic: said.state for topic, said in holding(state).items()},
        )

    async def timeline(
        self, workspace: str, contact: str, before: tuple[datetime, str] | None, limit: int
    ) -> list[dict[str, Any]]:
        """What happened, the newest first, of the contacts merged into it too."""
        state, _ = await self._now(workspace, contact)
        rows = await self._pool.fetch(
            """SELECT at, message_id, received_at, kind, name, human, event FROM history
               WHERE workspace = $1 AND contact = ANY($2::text[])
                 AND ($3::timestamptz IS NULL OR (at, message_id) < ($3, $4))
               ORDER BY at DESC, message_id DESC LIMIT $5""",
            workspace,
            [state.contact, *state.merged_from],
            *(before or (None, "")),
            limit,
        )
        return [dict(row) for row in rows]

    async def _now(self, workspace: str, contact: str) -> tuple[ContactState, datetime]:
        row = await self._pool.fetchrow(
            """WITH RECURSIVE way AS (
                   SELECT contact, merged_into, 0 AS steps FROM profiles
                   WHERE workspace = $1 AND contact = $2
                   UNION ALL
                   SELECT p.contact, p.merged_into, steps + 1
                   FROM way JOIN profiles p ON p.workspace = $1 AND p.contact = way.merged_into
                   WHERE way.merged_into <> '' AND steps < 100
               )
               SELECT p.state::text AS state, p.updated_at
               FROM way JOIN profiles p ON p.workspace = $1 AND p.contact = way.contact
               ORDER BY steps DESC LIMIT 1""",
            workspace,
            contact,
        )
        if row is None:
            raise Problem(404, "No such contact", f"No event of '{contact}' has been taken yet.")
        return decode(row["state"]), row["updated_at"]
