"""A moment as people read it, the same in every answer."""

from datetime import UTC, datetime


def instant(at: datetime | str) -> str:
    """`2026-06-01 13:00:00 UTC`; of text in ISO 8601 too, as stored details have it."""
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
