"""Answers of the hot routes, as Segment gives them."""

from collections.abc import Callable
from typing import Any

import structlog

from services.ingest.domain.calls import BATCH
from services.ingest.faults import fault
from services.ingest.refusing import refusal
from services.ingest.taken import Taken
from shared.contracts.codec import encode
from shared.errors import Problem

log = structlog.get_logger()
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]  # status, headers, body

JSON = (b"content-type", b"application/json")
KEPT = (b"content-length", b"16"), b'{"success":true}'
UNEXPECTED = Problem(
    500, "Not taken", "A fault of Tuvi's, which is logged. Send it again with its messageId."
)


def answer_of(kind: str, path: str, conclude: Callable[[], Taken]) -> Answer:
    """Whatever comes of it, the caller gets an answer."""
    try:
        return success(kind, conclude())
    except Problem as problem:
        return refused(problem)
    except Exception as error:  # noqa: BLE001
        return unexpected(path, error)


def success(kind: str, taken: Taken) -> Answer:
    """What Segment does not say stands beside it, where stock SDKs do not look."""
    if kind != BATCH and not taken.warnings:
        return 200, [JSON, KEPT[0]], KEPT[1]
    said: dict[str, Any] = {"success": True}
    if kind == BATCH:
        said["accepted"] = taken.accepted
    if taken.warnings:
        said["warnings"] = [warning.plain() for warning in taken.warnings]
    body = encode(said)
    return 200, [JSON, (b"content-length", str(len(body)).encode())], body


def refused(problem: Problem) -> Answer:
    """RFC 9457."""
    response = refusal(problem)
    return response.status_code, response.raw_headers, bytes(response.body)


def unexpected(path: str, error: Exception) -> Answer:
    """Logged without its text, which may be a contact's."""
    log.error("unexpected", route=path, **fault(error))
    return refused(UNEXPECTED)
