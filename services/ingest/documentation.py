"""The hot routes in OpenAPI: FastAPI documents what the edge serves."""

from typing import Any

from fastapi import FastAPI

from services.ingest.domain.calls import BATCH, ROUTES
from services.ingest.domain.validation import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_EVENT_BYTES,
)
from shared.problems import SCHEMA

_WHAT = {
    "track": "Something happened: `event` and its `properties`",
    "identify": "Who somebody is: `traits`, consent among them",
    "page": "A page was looked at",
    "screen": "An app's screen was looked at",
    "alias": "`previousId` and `userId` are one person",
    "group": "A person belongs to a company or a household",
    BATCH: "Many calls, each with its `type`",
}
_LONG = f"""Segment's wire format: stock Segment and RudderStack SDKs work by changing the host.
Up to {MAX_EVENT_BYTES} bytes an event and {MAX_BATCH_BYTES} a request, plain or gzip;
up to {MAX_BATCH_EVENTS} events a batch.
A page sends with a browser key, from an origin that the key lists.
Answers 200 when Kafka has all of it. Send a `messageId`: a repeat within 7 days changes nothing.
A 503 asks for a repeat, and the event may have arrived all the same."""
_IMPORT = """
With `X-Tuvi-Origin: import` and a bearer key of scope `write` it is history: it builds profiles
and starts, wakes and sends nothing."""
_EXAMPLES: dict[str, dict[str, Any]] = {
    "track": {
        "event": "Product Added",
        "userId": "u-7",
        "messageId": "0198f0a2-1",
        "timestamp": "2026-01-31T09:00:00Z",
        "properties": {"cart_id": "c-1", "price": 19.9, "quantity": 2, "currency": "EUR"},
    },
    "identify": {
        "userId": "u-7",
        "traits": {
            "email": "ann@example.com",
            "consent": {"cart-reminders": {"state": "subscribed", "source": "checkout"}},
        },
    },
    "page": {"anonymousId": "a-1", "name": "Home"},
    "screen": {"anonymousId": "a-1", "name": "Home"},
    "alias": {"previousId": "a-1", "userId": "u-7"},
    "group": {"userId": "u-7", "groupId": "g-1", "traits": {"name": "Ann and Bob"}},
}
_EXAMPLES[BATCH] = {"batch": [{"type": "track", **_EXAMPLES["track"]}]}
_ENTRY = {
    "type": "object",
    "properties": {
        "index": {"type": "integer"},
        "messageId": {"type": "string"},
        "field": {"type": "string"},
        "message": {"type": "string"},
    },
}
_ACCEPTED = {"type": "integer", "description": "events of this request that were taken"}
_WARNINGS = {
    "type": "array",
    "items": _ENTRY,
    "description": "what was taken but will not work as it was meant, such as an e-mail address "
    "that is none; left out if there is nothing to say",
}
_KEPT: dict[str, Any] = {
    "type": "object",
    "properties": {"success": {"const": True}, "warnings": _WARNINGS},
    "required": ["success"],
    "example": {
        "success": True,
        "warnings": [
            {
                "index": 0,
                "messageId": "0198f0a2-1",
                "field": "traits.email",
                "message": "is no address; write it as name@example.com; "
                "it was kept as a trait, nobody is mailed by it",
            }
        ],
    },
}
_PROBLEM = {
    **SCHEMA,
    "properties": {
        **SCHEMA["properties"],
        "errors": {"type": "array", "items": _ENTRY},
        "warnings": _WARNINGS,
        "accepted": _ACCEPTED,
    },
}
_REFUSALS = {
    "400": "Some events are refused, one entry each; the others of a batch are taken",
    "401": "No key, or an unknown one",
    "403": "A key of another scope, or not for pages of this origin",
    "408": "The body did not come in time",
    "413": "Too large",
    "415": "An encoding that is not read",
    "429": "More events a second than the key may send; nothing was taken, `Retry-After` says when",
    "500": "A fault of Tuvi's",
    "503": "Kafka did not take it in time; `Retry-After` says when to repeat",
}


_PREFLIGHT: dict[str, Any] = {
    "tags": ["events"],
    "summary": "What a browser asks before a page of another origin sends (CORS)",
    "parameters": [
        {"name": "Origin", "in": "header", "required": True, "schema": {"type": "string"}}
    ],
    "responses": {
        "204": {"description": "Pages of this origin may send with a key that lists it"},
        "403": {
            "description": "No key lists this origin",
            "content": {"application/problem+json": {"schema": _PROBLEM}},
        },
        "400": {
            "description": "No `Origin`: not a browser's question",
            "content": {"application/problem+json": {"schema": _PROBLEM}},
        },
    },
}


def document(app: FastAPI) -> None:
    """Adds the hot routes to the app's OpenAPI."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        schema = plain()
        for path, kind in ROUTES.items():
            schema["paths"].setdefault(path, {"post": _operation(kind), "options": _PREFLIGHT})
        keys = schema.setdefault("components", {}).setdefault("securitySchemes", {})
        keys["writeKey"] = {"type": "http", "scheme": "basic"}
        keys["bearer"] = {"type": "http", "scheme": "bearer"}
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def _operation(kind: str) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _PROBLEM}}
    body = {"schema": {"type": "object"}, "example": _EXAMPLES[kind]}
    kept: dict[str, Any] = _KEPT
    if kind == BATCH:
        kept = _KEPT | {"properties": {**_KEPT["properties"], "accepted": _ACCEPTED}}
    return {
        "tags": ["events"],
        "summary": _WHAT[kind],
        "description": _LONG + (_IMPORT if kind == BATCH else ""),
        "security": [{"writeKey": []}, {"bearer": []}],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {"description": "Kept", "content": {"application/json": {"schema": kept}}},
            **{c: {"description": what, "content": problem} for c, what in _REFUSALS.items()},
        },
    }
