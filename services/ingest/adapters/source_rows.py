"""A source's row: what is read of it, and what a PUT makes of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import asyncpg

from services.ingest.adapters.sealing import Seal
from services.ingest.domain.shops.source import Source
from services.ingest.domain.shops.table import Shop
from shared.contracts.wire import Plain
from shared.errors import Problem

COLUMNS = """name, workspace, shop, settings, created_at, last_delivery_at, sealed,
              rotated_at > now() - interval '1 day' AS rotated"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A source and what is known of it besides. One without secrets is closed: no token key opens
    what is kept of it.
    """

    source: Source
    created_at: datetime
    last_delivery_at: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a PUT states. Empty secrets: those that are there stay."""

    source: Source
    secret: str = field(repr=False, default="")


def kept_of(row: asyncpg.Record, seal: Seal) -> Kept:
    """A row of `COLUMNS`."""
    sealed = seal.open(row["sealed"]) or {}
    previous = sealed.get("previous", "") if row["rotated"] else ""
    source = Source(
        row["name"],
        row["workspace"],
        cast("Shop", row["shop"]),
        cast("Plain", row["settings"]),
        tuple(secret for secret in (sealed.get("secret", ""), previous) if secret),
        sealed.get("access_token", ""),
    )
    return Kept(source, row["created_at"], row["last_delivery_at"])


def secrets_of(asked: Asked, known: Kept | None, row: Any) -> dict[str, str]:
    """What is sealed of it. Shopify signs with the secret before for up to an hour after a change.
    Raises Problem 409, 422.
    """
    source = asked.source
    if row and (row["workspace"], row["shop"]) != (source.workspace, source.shop):
        detail = f"{source.name} is another shop's or kind's; choose another name."
        raise Problem(409, "Name taken", detail)
    before = known.source if known else None
    current = before.secrets[0] if before and before.secrets else ""
    if not (asked.secret or current):
        message = "is missing; give the one that the shop signs with"
        errors = [{"field": "secret", "message": message}]
        raise Problem(422, "Not a source", f"secret: {message}", errors=errors)
    changed = bool(asked.secret) and asked.secret != current
    earlier = before.secrets[1] if before and len(before.secrets) > 1 else ""
    return {
        "secret": asked.secret or current,
        "previous": current if changed else earlier,
        "access_token": source.access_token or (before.access_token if before else ""),
    }
