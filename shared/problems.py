"""Refusals in OpenAPI: RFC 9457, one form for all services."""

from typing import Any

Described = dict[int | str, dict[str, Any]]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["title", "status"],
}
CONTENT = {"application/problem+json": {"schema": SCHEMA}}


def problems(**told: str) -> Described:
    """`_404="No such form"`: for a route's `responses`."""
    return {int(code[1:]): {"description": d, "content": CONTENT} for code, d in told.items()}


KEYS = problems(_401="No key, or an unknown one", _403="A key of another scope")
NOT_VALID = problems(_422="Not valid: which field, and why")
